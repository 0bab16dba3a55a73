"""Batches of prompts that one call of a text model answers, with one usage for all."""

from collections.abc import Mapping
from typing import Any

from spanbook.usage import Usage
from spanbook_langchain.answers import Answer


class Batch:
    """One such call. `is_reported`: one of its runs has carried the usage."""

    __slots__ = ("is_reported", "left", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.left = size
        self.is_reported = False


class Batches:
    """The batches whose runs are being started, known by the parameters that their runs share."""

    def __init__(self) -> None:
        self._starting: dict[int, Batch] = {}

    def next(self, params: Mapping[str, Any] | None, size: int) -> tuple[Batch, int]:
        """Return the batch of the next run that starts with `params`, and the run's place in it."""
        key = id(params)
        batch = self._starting.get(key)
        if batch is None:
            batch = self._starting[key] = Batch(size)
        batch.left -= 1
        if batch.left <= 0:
            self._starting.pop(key, None)
        return batch, size - batch.left - 1


def share_usage(answer: Answer, batch: Batch, index: int, response: Any) -> None:
    """Count a batch's usage once: LangChain gives all of it to the first prompt's run."""
    answer.attributes["batch"] = {"size": batch.size, "index": index}
    if answer.usage is not None:
        batch.is_reported = True
    elif batch.is_reported and (response.llm_output or {}).get("token_usage") == {}:
        answer.usage = Usage()
