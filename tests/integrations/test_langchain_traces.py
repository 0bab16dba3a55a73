"""What a call says about its trace: session, user, tags, name, and what stays with the span."""

import asyncio
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda, RunnableParallel

import spanbook
from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import chain
from tests.integrations.recordings import only, recorded


def config(recorder: Recorder, **more: Any) -> Any:
    return {"callbacks": [SpanbookCallbackHandler(recorder)], **more}


def said(recorder: Recorder, **more: Any) -> Any:
    """Return the root of a chain that was called with this configuration."""
    chain().invoke({"q": "hi"}, config(recorder, **more))
    return only(recorder, parent_id=None)


KEYS = [
    ("spanbook_session", "session"),
    ("session_id", "session"),
    ("thread_id", "session"),
    ("conversation_id", "session"),
    ("spanbook_user", "user"),
    ("user_id", "user"),
    ("spanbook_trace_name", "name"),
    ("trace_name", "name"),
]


@pytest.mark.parametrize(("key", "field"), KEYS)
def test_metadata_about_the_trace_reach_it_and_are_not_repeated(
    recorder: Recorder, key: str, field: str
) -> None:
    root = said(recorder, metadata={key: "c-17", "other": 1})

    assert getattr(root.trace, field) == "c-17"
    assert root.attributes["metadata"] == {"other": 1}
    assert not [
        one
        for one in recorded(recorder)
        if one is not root and "metadata" in one.attributes and one.parent_id is not None
    ]


def test_tags_of_the_call_and_of_its_metadata_reach_the_trace(recorder: Recorder) -> None:
    root = said(recorder, tags=["a", "b"], metadata={"spanbook_tags": ["b", "c"]})

    assert set(root.trace.tags) == {"a", "b", "c"}
    assert "tags" not in root.attributes
    assert "metadata" not in root.attributes


def test_the_chosen_session_wins_over_the_thread(recorder: Recorder) -> None:
    root = said(recorder, metadata={"thread_id": "t", "session_id": "s"})

    assert root.trace.session == "s"
    assert root.attributes["metadata"] == {"thread_id": "t"}


@pytest.mark.parametrize("value", [7, "7"])
def test_a_session_may_be_a_number(recorder: Recorder, value: Any) -> None:
    assert said(recorder, metadata={"session_id": value}).trace.session == "7"


@pytest.mark.parametrize("value", [None, {"a": 1}, ["x"], 1.5, ""])
def test_a_session_that_is_no_name_stays_metadata(recorder: Recorder, value: Any) -> None:
    root = said(recorder, metadata={"session_id": value})

    assert root.trace.session is None
    assert root.attributes["metadata"] == {"session_id": value}


def test_a_configured_thread_is_the_session(recorder: Recorder) -> None:
    root = said(recorder, configurable={"thread_id": "t-9"})

    assert root.trace.session == "t-9"


async def test_a_configured_thread_is_the_session_in_async_code(recorder: Recorder) -> None:
    async def call(number: int) -> None:
        both = RunnableParallel(a=chain(), b=chain())
        await both.ainvoke({"q": "hi"}, config(recorder, configurable={"thread_id": f"t-{number}"}))

    await asyncio.gather(*(call(number) for number in range(5)))

    roots = recorded(recorder, parent_id=None)
    assert sorted(str(one.trace.session) for one in roots) == [f"t-{number}" for number in range(5)]


def test_a_session_in_the_metadata_wins_over_the_configured_thread(recorder: Recorder) -> None:
    more = {"configurable": {"thread_id": "t"}, "metadata": {"session_id": "s"}}

    assert said(recorder, **more).trace.session == "s"


def test_the_handler_has_defaults(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(
        recorder, session="s", user="ada", tags=["beta"], metadata={"team": "x"}
    )

    chain().invoke({"q": "hi"}, {"callbacks": [handler], "tags": ["call"]})

    trace = only(recorder, parent_id=None).trace
    assert (trace.session, trace.user, set(trace.tags)) == ("s", "ada", {"beta", "call"})
    assert trace.metadata == {"team": "x"}


@pytest.mark.parametrize(
    ("metadata", "ambient", "default", "expected"),
    [
        ({"session_id": "call"}, "context", "handler", "call"),
        ({}, "context", "handler", "context"),
        ({"thread_id": "thread"}, "context", "handler", "context"),
        ({"thread_id": "thread"}, None, "handler", "thread"),
        ({}, None, "handler", "handler"),
    ],
)
def test_the_nearest_session_wins(
    recorder: Recorder, metadata: Any, ambient: str | None, default: str, expected: str
) -> None:
    handler = SpanbookCallbackHandler(recorder, session=default)

    with spanbook.context(session=ambient):
        chain().invoke({"q": "hi"}, {"callbacks": [handler], "metadata": metadata})

    assert only(recorder, parent_id=None).trace.session == expected


def test_metadata_and_tags_stand_only_where_they_begin(recorder: Recorder) -> None:
    inner = RunnableLambda(lambda x: x).with_config(
        run_name="inner", tags=["deep"], metadata={"depth": 2}
    )

    def outer(given: Any) -> Any:
        return inner.invoke(given)

    RunnableLambda(outer).invoke(
        1, config(recorder, metadata={"depth": 1, "customer": "acme"}, tags=["top"])
    )

    assert only(recorder, name="outer").attributes == {"metadata": {"depth": 1, "customer": "acme"}}
    assert only(recorder, name="inner").attributes == {"metadata": {"depth": 2}, "tags": ["deep"]}
    assert only(recorder, name="outer").trace.tags == ("top",)


def test_what_the_framework_says_of_its_steps_is_kept_but_for_their_order(
    recorder: Recorder,
) -> None:
    RunnableParallel(a=chain(), b=chain()).invoke({"q": "hi"}, config(recorder))

    assert [one.attributes.get("tags") for one in recorded(recorder, kind="prompt")] == [None, None]
    below = recorded(recorder, name="RunnableSequence")
    assert {tuple(one.attributes["tags"]) for one in below} == {("map:key:a",), ("map:key:b",)}


def test_hidden_runs_are_kept(recorder: Recorder) -> None:
    root = said(recorder, tags=["langsmith:hidden", "mine"])

    assert root.trace.tags == ("mine",)
    assert root.attributes["tags"] == ["langsmith:hidden"]


def test_the_call_s_own_dicts_are_left_alone(recorder: Recorder) -> None:
    metadata = {"session_id": "s", "nested": {"a": [1]}}
    tags = ["t"]

    root = said(recorder, metadata=metadata, tags=tags)
    metadata["nested"]["a"].append(2)  # type: ignore[index]

    assert tags == ["t"]
    assert metadata["session_id"] == "s"
    assert root.attributes["metadata"] == {"nested": {"a": [1]}}
