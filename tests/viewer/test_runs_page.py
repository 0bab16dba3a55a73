"""The table of runs, the page of one, and several side by side."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import spanbook
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook_viewer.app import create_app
from tests.viewer.markup import Page
from tests.viewer.test_trace_table import body_rows

HOSTILE = "<script>window.harmed = 1</script>"
CONFIGS = (
    {"top_k": 4, "model": {"name": "x"}, "same": 1},
    {"top_k": 10, "model": {"name": "y"}, "same": 1},
    {"top_k": "all", HOSTILE: HOSTILE, 'q"k': 1, "a,b": [1, {"c": 2}], "long": "x" * 5_000},
    {f"key {number:03}": number for number in range(500)},
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    url = f"sqlite:///{tmp_path_factory.mktemp('runs') / 'spanbook.db'}"
    recorder = Recorder(url)
    for number, config in enumerate(CONFIGS):
        name = HOSTILE if number == 2 else "nightly"
        with spanbook.run(name, config=config, recorder=recorder) as run:
            for step in range(3):
                run.log(step=step, accuracy=number / 4 + step / 100)
            run.log({"nan": float("nan"), HOSTILE: 1, "note": "good"})
            with spanbook.span("answer", recorder=recorder):
                pass
    assert recorder.flush(30)
    recorder.close()
    with Book(url) as book:
        yield create_app(book)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def run_ids(client: FlaskClient) -> list[str]:
    """Return the ids of the runs, the oldest first."""
    found = client.get("/runs.json?sort=start").json
    assert found is not None
    return [run["run_id"] for run in found["runs"]]


def test_chosen_keys_are_columns_with_the_range_of_metrics_beside_them(client: FlaskClient):
    page = client.get(
        "/runs/?columns=traces,metrics.accuracy,config.top_k,config.model.name&sort=start"
    )

    assert [row[1:] for row in body_rows(page.text)][:2] == [
        ["nightly", "1", "0.02", "4", "x"],
        ["nightly", "1", "0.27", "10", "y"],
    ]
    assert "last 0.27; min 0.25, max 0.27 of 3" in page.text


def test_every_column_that_a_database_can_sort_by_says_how(client: FlaskClient):
    page = Page(client.get("/runs/").text)
    links = [e.attributes["href"] for e in page.all("a") if "th" in e.inside]

    assert len(links) >= 8
    for link in links:
        assert client.get(link).status_code == 200


def test_a_value_of_a_config_leads_to_the_runs_that_share_it(client: FlaskClient):
    page = Page(client.get("/runs/?columns=config.top_k").text)
    links = [
        e.attributes["href"] for e in page.all("a") if "where=" in e.attributes.get("href", "")
    ]

    assert len(links) == 4
    for link in links:
        found = client.get(link.replace("/runs/", "/runs.json")).json
        assert found is not None
        assert found["count"]["number"] == 1


def test_nothing_recorded_is_markup_anywhere(client: FlaskClient):
    ids = run_ids(client)
    query = "&".join(f"run={run_id}" for run_id in ids)
    for path in ("/runs/", "/runs/?by=name", *(f"/runs/{run_id}" for run_id in ids)):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>window" not in page.text
        assert Page(page.text).faults == []
    compared = client.get(f"/runs/compare?{query}")
    assert "<script>window" not in compared.text
    assert "&lt;script&gt;window.harmed" in compared.text


def test_a_metric_that_is_no_number_is_unknown_and_drawn_as_nothing(client: FlaskClient):
    page = client.get(f"/runs/{run_ids(client)[0]}").text

    assert "No value is a finite number" in page
    assert 'title="not a finite number"' in page


def test_the_page_of_a_run_leads_to_its_traces_and_their_statistics(client: FlaskClient):
    run_id = run_ids(client)[0]
    page = Page(client.get(f"/runs/{run_id}").text)
    links = {e.attributes["href"] for e in page.all("a")}

    assert f"/traces/?run={run_id}" in links
    found = client.get(f"/statistics.json?run={run_id}&since=36500d").json
    assert found is not None
    assert found["total"]["statistic"]["count"] == 1
    assert client.get(f"/runs/{'0' * 32}").status_code == 404


def test_runs_side_by_side_show_what_differs_and_fold_what_does_not(client: FlaskClient):
    ids = run_ids(client)[:2]
    page = client.get(f"/runs/compare?run={ids[0]}&run={ids[1]}").text
    data = client.get(f"/runs/compare.json?run={ids[0]}&run={ids[1]}").json

    assert data is not None
    assert data["config"] == {"top_k": [4, 10], "model.name": ["x", "y"]}
    assert [one["last"] for one in data["metrics"]["accuracy"]] == [0.02, 0.27]
    assert "1 value is the same" in page
    assert page.count('class="line n') == 2 * page.count('class="curves"')


def test_too_many_runs_are_refused(client: FlaskClient):
    query = "&".join(f"run={number:032x}" for number in range(9))

    assert client.get(f"/runs/compare?{query}").status_code == 400


def test_groups_link_to_as_many_runs_as_they_count(client: FlaskClient):
    found = client.get("/runs.json?by=config.top_k").json

    assert found is not None
    assert [group["value"] for group in found["groups"]] == [4, 10, "all", None]
    for group in found["groups"]:
        listed = client.get(group["runs"].replace("/runs/", "/runs.json")).json
        assert listed is not None
        assert listed["count"]["number"] == group["run_count"]
    assert client.get("/runs/?by=colour").status_code == 400


def test_files_hold_what_the_filter_shows_with_the_columns_of_paths(client: FlaskClient):
    query = "where=metrics.accuracy+<+0.5&columns=config.top_k,metrics.accuracy&sort=start&limit=1"

    rows = list(csv.DictReader(io.StringIO(client.get(f"/runs.csv?{query}").text)))
    lines = [json.loads(line) for line in client.get(f"/runs.jsonl?{query}").text.splitlines()]

    assert [(row["config.top_k"], row["metrics.accuracy"]) for row in rows] == [
        ("4", "0.02"),
        ("10", "0.27"),
    ]
    assert [line["config"]["top_k"] for line in lines] == [4, 10]


def test_an_empty_store_says_what_will_appear(tmp_path: Path):
    with Book(f"sqlite:///{tmp_path / 'empty.db'}") as book:
        client = create_app(book).test_client()

        assert "No runs yet" in client.get("/runs/").text
        assert "There are no runs yet" in client.get("/runs/compare").text


@pytest.mark.parametrize(
    "bad", ["sort=colour", "columns=input.x", "where=metrics.x+>+y", "since=soon"]
)
def test_bad_questions_are_refused_with_advice(client: FlaskClient, bad: str):
    assert client.get(f"/runs/?{bad}").status_code == 400
