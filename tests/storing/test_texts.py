"""What stands outside payloads, and what can be found."""

import random

import pytest

from tests.storing.conftest import Shelf, end, span_id, start, trace_id

ANSWER = "The answer is long. " * 60  # between the bounds: 1,200 characters
BOOK = "Once upon a time there was a text. " * 300  # always long


def say(number: int, text: str, **fields):
    return end(number, trace=trace_id(number), output={"said": text}, **fields)


def test_a_very_long_text_stands_outside(shelf: Shelf) -> None:
    shelf.store(say(1, BOOK))

    assert shelf.texts() == [BOOK]
    assert set(shelf.payload(1)["output"]["said"]) == {"$", "blob"}


def test_a_very_long_output_itself_stands_outside(shelf: Shelf) -> None:
    shelf.store(end(1, output=BOOK))

    assert shelf.texts() == [BOOK]
    assert shelf.payload(1)["output"]["$"] == "text"


def test_a_very_long_attribute_stands_outside(shelf: Shelf) -> None:
    shelf.store(end(1, attributes={"parameters": {"system": BOOK}}))

    assert shelf.texts() == [BOOK]
    assert shelf.payload(1)["attributes"]["parameters"]["system"]["$"] == "text"


def test_a_long_stack_stands_outside(shelf: Shelf) -> None:
    shelf.store(end(1, status="error", error={"type": "E", "message": "m", "stack": BOOK}))

    assert shelf.texts() == [BOOK]
    assert shelf.payload(1)["error"]["stack"]["$"] == "text"


def test_a_text_that_comes_once_stays_where_it_is(shelf: Shelf) -> None:
    shelf.store(say(1, ANSWER))

    assert shelf.texts() == []
    assert shelf.payload(1)["output"] == {"said": ANSWER}


@pytest.mark.parametrize("batches", [1, 3], ids=["together", "apart"])
def test_a_text_that_comes_again_in_other_traces_is_kept_once(shelf: Shelf, batches: int) -> None:
    records = [say(number, ANSWER) for number in range(1, 4)]
    for batch in [records] if batches == 1 else [[record] for record in records]:
        shelf.store(*batch)

    assert shelf.texts() == [ANSWER]
    hashes = {shelf.payload(number)["output"]["said"]["blob"] for number in (2, 3)}
    assert len(hashes) == 1
    assert len(shelf.rows("SELECT * FROM blob_uses")) == 2


def test_messages_stand_outside_from_a_shorter_length_on(shelf: Shelf) -> None:
    message = {"role": "user", "content": "x" * 200}
    for number in (1, 2):
        shelf.store(
            end(number, trace=trace_id(number), input={"messages": [message], "note": "y" * 200})
        )

    assert shelf.texts() == ["x" * 200]


def test_an_agent_that_resends_its_history_takes_a_tenth_of_the_room(shelf: Shelf) -> None:
    words = random.Random(1)
    vocabulary = [
        "".join(words.choices("abcdefghijklmnop", k=words.randint(2, 9))) for _ in range(3000)
    ]
    history = []
    written = 0
    for turn in range(50):
        history.append({"role": "user", "content": " ".join(words.choices(vocabulary, k=60))})
        answer = {"role": "assistant", "content": " ".join(words.choices(vocabulary, k=120))}
        records = [
            start(turn, trace=trace_id(turn), kind="llm", input={"messages": list(history)}),
            end(turn, trace=trace_id(turn), kind="llm", output={"messages": [answer]}),
        ]
        written += len(repr(records))
        shelf.store(*records)
        history.append(answer)

    kept = shelf.one("SELECT sum(length(body)) AS n FROM payloads")["n"]
    kept += shelf.one("SELECT sum(length(body)) AS n FROM blobs")["n"]
    assert kept < written / 10


def test_words_of_input_output_error_and_name_are_found(shelf: Shelf) -> None:
    shelf.store(
        start(1, name="Cook", input={"dish": ["Kartoffelsalat"]}),
        end(
            1,
            name="Cook",
            output="servi chaud",
            status="error",
            error={"type": "BurntError", "message": "smoke everywhere"},
        ),
    )

    words = ("cook", "kartoffelsalat", "chaud", "burnterror", "smoke")
    assert [shelf.found(word) for word in words] == [["a" * 32]] * len(words)


def test_attributes_are_not_searched(shelf: Shelf) -> None:
    shelf.store(end(1, attributes={"metadata": {"tenant": "zanzibar"}}))

    assert shelf.found("zanzibar") == []


def test_words_are_found_without_regard_to_case_and_accents(shelf: Shelf) -> None:
    shelf.store(end(1, output="Crème Brûlée"))

    assert shelf.found("creme") == shelf.found("BRULEE") == ["a" * 32]


def test_a_text_inside_a_longer_one_is_indexed_once_and_found(shelf: Shelf) -> None:
    sentence = "The quick brown fox jumps over the lazy dog near the river"
    shelf.store(
        end(1, output=sentence), end(2, 1, output=f"{sentence}bank. Then {sentence}, it slept.")
    )

    assert shelf.found("river") == ["a" * 32]


def test_words_of_a_batch_that_comes_later_are_found(shelf: Shelf) -> None:
    shelf.store(start(1, input="aardvark"), start(2, 1, input="badger"))
    shelf.store(end(2, 1, output="cheetah"), end(1, output="aardvark dormouse"))

    for word in ("aardvark", "badger", "cheetah", "dormouse"):
        assert shelf.found(word) == ["a" * 32]


def test_a_text_is_found_in_each_trace_that_has_it(shelf: Shelf) -> None:
    shelf.store(say(1, ANSWER), say(2, ANSWER))
    shelf.store(say(3, ANSWER))

    assert shelf.found("answer") == [trace_id(1), trace_id(2), trace_id(3)]


def test_the_same_batch_twice_leaves_the_same_rows(shelf: Shelf) -> None:
    records = [
        start(1, input={"question": ANSWER}, context={"tags": ["x"], "metadata": {"a": 1}}),
        start(2, 1, kind="llm", input={"messages": [{"role": "user", "content": ANSWER}]}),
        end(2, 1, kind="llm", usage={"input": 3, "output": 4}, output=BOOK),
        end(1, output=ANSWER),
        *[say(number, ANSWER) for number in (3, 4)],
    ]
    shelf.store(*records)
    before = shelf.dump()
    shelf.store(*records)

    assert shelf.dump() == before
    assert span_id(1) in {row[3] for row in before["spans"]}
