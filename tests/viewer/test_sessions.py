"""Sessions as conversations, and the users who held them."""

from datetime import timedelta

import pytest

from spanbook.errors import UnknownTraceError
from spanbook.reading.groups import get_group, list_groups
from spanbook_viewer.app import create_app
from spanbook_viewer.conversation import TURNS
from tests.viewer.markup import Page
from tests.viewer.stories import HOSTILE, NINE_THIRTY, Story


def turn(recorder, number: int, session: str = "talk/1 &", user: str = "ada", **ending) -> None:
    began = NINE_THIRTY + timedelta(minutes=number)
    story = Story(recorder, f"{session} {number}", began)
    asked = [{"role": "user", "content": f"question {n}"} for n in range(number + 1)]
    story.begin(
        "root",
        "llm",
        0,
        name=f"turn {number}",
        input={"messages": asked},
        context={"session": session, "user": user},
    )
    answer = {"role": "assistant", "content": f"answer {number}"}
    story.end("root", 1500, (10, 5), output={"messages": [answer]}, **ending)


@pytest.fixture
def talked(recorder, book):
    for number in (1, 0, 2):
        turn(recorder, number)
    turn(recorder, 9, session="other", user="bob", error=ValueError("no"))
    assert recorder.flush(10)
    return book


def test_a_session_shows_its_turns_in_order_with_totals(talked):
    client = create_app(talked).test_client()

    page = Page(client.get("/session", query_string={"id": "talk/1 &"}).text)

    facts = " ".join(next(e for e in page.all("dl")).text.split())
    assert facts.startswith("Turns 3 Time 4.50 s Tokens 30 in · 15 out")
    assert [" ".join(h.text.split()) for h in page.all("h2")] == [
        "1 turn 0",
        "2 turn 1",
        "3 turn 2",
    ]
    links = [e.attributes["href"] for e in page.all("a") if e.text.startswith("turn ")]
    assert [client.get(link).status_code for link in links] == [200, 200, 200]
    assert page.faults == []


def test_a_turn_shows_its_own_question_and_answer_only(talked):
    client = create_app(talked).test_client()

    text = client.get("/session", query_string={"id": "talk/1 &"}).text

    assert text.count("question 0") == text.count("question 2") == 1
    assert text.count("answer 2") == 1


def test_a_failed_turn_shows_its_error(talked):
    text = create_app(talked).test_client().get("/session?id=other").text

    assert "ValueError" in text
    assert "✕ 1" in text


def test_sessions_and_users_are_listed_the_latest_first(talked):
    client = create_app(talked).test_client()

    def names(path: str) -> list[str]:
        return [e.text for e in Page(client.get(path).text).all("td") if
                e.attributes.get("class") == "c-name"]  # fmt: skip

    assert names("/sessions/") == ["other", "talk/1 &"]
    assert names("/sessions/?user=ada") == ["talk/1 &"]
    assert names("/users/") == ["bob", "ada"]
    assert [row["trace_count"] for row in client.get("/sessions.json").get_json()] == [1, 3]
    assert client.get("/users.json").get_json()[1]["tokens_in"] == 30


def test_sums_agree_with_the_traces(talked):
    rows = talked.traces(user="ada")

    (group,) = [row for row in list_groups(talked.engine, "user") if row.name == "ada"]

    assert group.trace_count == len(rows)
    assert group.tokens_in == sum(row.usage.input for row in rows)
    assert group.busy == sum((row.duration for row in rows), timedelta())
    assert group == get_group(talked.engine, "user", "ada")


def test_a_long_session_comes_in_pages(recorder, book):
    for number in range(TURNS + 3):
        turn(recorder, number)
    assert recorder.flush(10)
    client = create_app(book).test_client()

    first = Page(client.get("/session", query_string={"id": "talk/1 &"}).text)
    (later,) = [e.attributes["href"] for e in first.all("a", rel="next")]
    second = Page(client.get(later).text)

    assert f"Showing turns 1–{TURNS} of {TURNS + 3}." in first.source
    assert f"Showing turns {TURNS + 1}–{TURNS + 3} of {TURNS + 3}." in second.source
    assert " ".join(second.all("h2")[0].text.split()) == f"{TURNS + 1} turn {TURNS}"


def test_an_unknown_session_is_not_found(talked):
    assert create_app(talked).test_client().get("/session?id=nobody").status_code == 404
    with pytest.raises(UnknownTraceError):
        get_group(talked.engine, "session", "nobody")


def test_empty_lists_teach_how_to_fill_them(book):
    client = create_app(book).test_client()

    assert "No sessions yet" in client.get("/sessions/").text
    assert "No users yet" in client.get("/users/").text
    assert "spanbook.context(session=" in client.get("/sessions/").text


def test_hostile_sessions_stay_text(shown, client):
    listed = client.get("/sessions/").text
    page = Page(client.get("/session", query_string={"id": HOSTILE}).text)

    assert HOSTILE not in listed + page.source
    assert page.faults == []
