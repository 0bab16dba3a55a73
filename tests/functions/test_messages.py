"""Messages that a model of the user's writes about versions."""

import spanbook
from spanbook.reading.messages import VersionStep
from tests.functions.conftest import Modules
from tests.functions.test_changes import AFTER, BEFORE


def test_messages_are_written_once_and_failures_counted(
    recorder: spanbook.Recorder, book: spanbook.Book, modules: Modules
) -> None:
    for source in (BEFORE, AFTER):
        spanbook.observe(modules(source).answer)("why?")
    assert recorder.flush()
    asked: list[str] = []

    def fail(step: VersionStep) -> str:
        raise RuntimeError("no model")

    def write(step: VersionStep) -> str:
        asked.append(step.summary)
        return " Answers are longer. "

    failed = book.write_messages(fail)
    written = book.write_messages(write)
    again = book.write_messages(write)

    assert (failed.written, failed.failed, failed.note) == (0, 1, "RuntimeError: no model")
    assert (written.written, written.failed, again.written) == (1, 0, 0)
    assert "global TOP_K 4 → 8" in asked[0]
    assert [row.message for row in book.versions("app.answer")] == ["Answers are longer.", None]
