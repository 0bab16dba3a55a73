"""The wheel and the start-up hook: what a user gets from pip."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from spanbook.startup import WATCHED

ROOT = Path(__file__).parent.parent
ROOTS = ("core", "examples", "integrations", "viewer")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path).namelist()


@pytest.mark.parametrize(
    ("folder", "suffix"),
    [
        ("spanbook/", "py.typed"),
        ("spanbook/store/migrations/", ".py"),
        ("spanbook_examples/", "demo.py"),
        ("spanbook_langchain/", "py.typed"),
        ("spanbook_llama_index/", "py.typed"),
        ("spanbook_viewer/templates/", ".html"),
        ("spanbook_viewer/static/", ".css"),
        ("spanbook_viewer/static/", ".js"),
        ("spanbook_startup.pth", ""),
    ],
)
def test_the_wheel_holds_what_is_needed_at_run_time(wheel: list[str], folder: str, suffix: str):
    assert any(name.startswith(folder) and name.endswith(suffix) for name in wheel)


def test_the_wheel_holds_nothing_else(wheel: list[str]):
    rooms = {folder.name for root in ROOTS for folder in (ROOT / root).glob("spanbook*/")}

    others = {name.partition("/")[0] for name in wheel} - rooms

    assert {name for name in others if not name.endswith(".dist-info")} == {"spanbook_startup.pth"}
    assert not [name for name in wheel if "test" in name.replace("pytest", "")]
    assert not [name for name in wheel if name.endswith((".pyc", ".db"))]


def python(script: str, folder: Path, **environment: str) -> str:
    """Run `script` in an interpreter of its own, in an empty `folder`."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    assert not done.stderr
    return done.stdout


CHAIN = """
import spanbook, sys
from langchain_core.runnables import RunnableLambda
RunnableLambda(len, name="count").invoke("abc")
spanbook.flush()
print([trace.name for trace in spanbook.open("sqlite:///spanbook.db").traces()])
"""


def test_a_variable_switches_recording_on_without_a_change_to_the_program(tmp_path: Path):
    assert python(CHAIN, tmp_path, SPANBOOK_LANGCHAIN="1") == "['count']\n"


def test_without_the_variable_nothing_is_recorded(tmp_path: Path):
    assert python(CHAIN, tmp_path, SPANBOOK_LANGCHAIN="0") == "[]\n"


def test_without_the_variable_an_interpreter_starts_without_spanbook(tmp_path: Path):
    script = "import sys; print('spanbook' in sys.modules)"

    assert python(script, tmp_path, SPANBOOK_LANGCHAIN="") == "False\n"


def test_with_the_variable_an_interpreter_starts_without_langchain(tmp_path: Path):
    script = "import sys; print('langchain_core' in sys.modules)"

    assert python(script, tmp_path, SPANBOOK_LANGCHAIN="1") == "False\n"


@pytest.mark.parametrize(
    "statement",
    [
        "import langchain_core.runnables.base",
        "import langchain_core.tracers.context",
        "from langchain_core.callbacks import BaseCallbackHandler",
        "import langchain_core.callbacks.manager",
        "import langgraph.graph",
        "import langchain.agents",
    ],
)
def test_the_variable_works_whatever_a_program_imports_first(tmp_path: Path, statement: str):
    assert python(f"{statement}\n{CHAIN}", tmp_path, SPANBOOK_LANGCHAIN="1") == "['count']\n"


def test_every_watched_integration_is_named_in_the_startup_file():
    line = (ROOT / "core" / "spanbook_startup.pth").read_text("utf-8")

    assert all(f'"{watched.variable}"' in line for watched in WATCHED)
    assert line.startswith("import ")
    assert line.count("\n") == 1


def test_an_openai_client_is_recorded_by_its_variable(tmp_path: Path):
    script = "import openai, sys; print('spanbook_openai' in sys.modules)"

    assert python(script, tmp_path, SPANBOOK_OPENAI="1") == "True\n"


def test_an_integration_that_cannot_be_loaded_leaves_the_program_alone(tmp_path: Path):
    (tmp_path / "spanbook_langchain.py").write_text("raise RuntimeError('broken')")
    script = "import langchain_core.callbacks.manager, sys; print('langchain_core' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), "SPANBOOK_LANGCHAIN": "1"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout == "True\n"
    assert "could not be switched on" in done.stderr
