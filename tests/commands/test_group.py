from importlib.metadata import version
from pathlib import Path

import pytest

PLUGIN = "Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n"


@pytest.fixture
def broken_plugin(tmp_path: Path) -> str:
    """Install a distribution whose command cannot be imported; return its place."""
    info = tmp_path / "plugin" / "plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(PLUGIN)
    (info / "entry_points.txt").write_text("[spanbook.commands]\nbroken = plugin_x:command\n")
    (info.parent / "plugin_x.py").write_text("raise RuntimeError('not today')")
    return str(info.parent)


def test_help_names_every_installed_command(spanbook):
    output = spanbook("--help").stdout

    for name in ("demo", "ingest", "store", "view"):
        assert f"\n  {name} " in output


def test_version_is_the_installed_one(spanbook):
    assert spanbook("--version").stdout == f"spanbook {version('spanbook')}\n"


def test_an_unknown_command_is_refused(spanbook):
    done = spanbook("nonsense")

    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


def test_a_broken_plugin_is_one_line_of_help_and_leaves_the_others(spanbook, broken_plugin: str):
    done = spanbook("--help", PYTHONPATH=broken_plugin)

    assert done.returncode == 0
    assert "cannot be loaded: RuntimeError: not today" in " ".join(done.stdout.split())
    assert "\n  store " in done.stdout


def test_a_broken_plugin_says_so_in_one_line_when_called(spanbook, broken_plugin: str):
    done = spanbook("broken", "any", "--thing", PYTHONPATH=broken_plugin)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: The command 'broken' (plugin_x:command) cannot be loaded")
    assert done.stderr.count("\n") == 1


def test_an_error_of_ours_is_one_line_and_exit_code_1(spanbook):
    done = spanbook("store", "stats", "mysql://localhost/db")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: No store speaks mysql://")
    assert done.stderr.count("\n") == 1
