"""The example of the OpenAI client, on its own server."""

from textwrap import dedent

import pytest

from spanbook.recording.recorder import Recorder
from spanbook_examples import client
from tests.integrations.recordings import recorded
from tests.outlines import outline


def test_the_example_answers_letters_and_is_recorded(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SPANBOOK_EXAMPLES_OFFLINE", "1")

    client.main()

    letter = dedent("""\
        step letter
          step sum_up
            llm chat.completions
          step reply
            llm chat.completions""")
    assert outline(recorder) == f"{letter}\n{letter}"
    assert "In short" in capsys.readouterr().out
    assert all(one.usage for one in recorded(recorder, kind="llm"))
