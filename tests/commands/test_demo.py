from pathlib import Path


def test_the_demo_records_every_scene_without_network(spanbook, tmp_path: Path):
    done = spanbook("demo", "--no-view", OPENAI_API_KEY="")

    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert f"Recorded into sqlite:///{tmp_path / 'spanbook-demo.db'}" in done.stdout
    assert "traces   20" in spanbook("store", "stats", "spanbook-demo.db").stdout


def test_the_demo_records_where_it_is_told(spanbook, tmp_path: Path):
    spanbook("demo", "--no-view", "--store", "sqlite:///elsewhere.db")

    assert (tmp_path / "elsewhere.db").exists()
    assert not (tmp_path / "spanbook-demo.db").exists()
