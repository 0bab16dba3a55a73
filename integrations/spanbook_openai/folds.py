"""Folds: each kind of stream as the response that it would have been, event by event."""

# ruff: noqa: D102 - the protocol says what the methods of all do

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from spanbook_openai.choices import Choice, Text
from spanbook_openai.runs import Runs

Data = dict[str, Any]

TERMINAL = frozenset(
    {"response.cancelled", "response.completed", "response.failed", "response.incomplete"}
)
_MOST_ITEMS = 1_000


class Fold(Protocol):
    """What a stream has said so far. Events are read and dropped, never kept."""

    error: Any  # what the provider reported amid the stream

    @property
    def complete(self) -> bool:
        """Whether the answer is whole, so that nothing is lost if the stream stops here."""
        ...

    said: int  # pieces of the answer taken in by `cut`

    def cut(self, data: bytes) -> Iterable[bytes]:
        """Take in what can be had without parsing, and yield the events between, in order."""
        ...

    def learn(self, event: bytes) -> None:
        """See the bytes of an event that is parsed next."""
        ...

    def add(self, data: Data) -> bool:
        """Read one event; return whether it carried a piece of the answer."""
        ...

    def response(self) -> Data:
        """Return the response, as far as it came."""
        ...


class _Parsed:
    """A fold for which every event is parsed."""

    said = 0

    def cut(self, data: bytes) -> Iterable[bytes]:
        return (data,)

    def learn(self, event: bytes) -> None:
        pass


class ChoiceFold:
    """A stream of the chat or the older completions API: deltas, by choice."""

    def __init__(self) -> None:
        self.error: Any = None
        self.said = 0
        self._about: Data = {}
        self._size = 0
        self._usage: Any = None
        self._choices: dict[Any, Choice] = {}
        self._runs = Runs()
        self._saying: Choice | None = None  # the one candidate of the last event

    def cut(self, data: bytes) -> Iterable[bytes]:
        for rest, run in self._runs.cut(data):
            if rest:
                yield rest
            if run and self._saying is not None:
                count, words = self._runs.words(run)
                self.said += count
                self._saying.say(words)

    def learn(self, event: bytes) -> None:
        self._runs.learn(event)

    @property
    def complete(self) -> bool:
        choices = self._choices
        return bool(choices) and all(one.finish_reason is not None for one in choices.values())

    def add(self, data: Data) -> bool:
        usage = data.get("usage")
        if usage is not None:
            self._usage = usage  # the last one reported counts; they are never added up
        if len(data) != self._size:  # the first event, and those with fields of their own
            self._size = len(data)
            self._note(data)
        if "error" in data:
            self.error = data["error"] or self.error
        said = False
        self._saying = None
        entries = data.get("choices") or ()
        for entry in entries:
            index = entry.get("index", 0)
            choice = self._choices.get(index)
            if choice is None:
                choice = self._choices[index] = Choice()
            if choice.add(entry):
                said = True
            self._saying = choice if len(entries) == 1 else None
        return said

    def _note(self, data: Data) -> None:
        for key, value in data.items():
            if value is not None and key not in ("choices", "usage"):
                self._about[key] = value
        vendor = data.get("x_groq")
        if isinstance(vendor, Mapping) and vendor.get("usage"):
            self._usage = vendor["usage"]

    def response(self) -> Data:
        choices = sorted(self._choices.items(), key=lambda entry: _order(entry[0]))
        return {
            **self._about,
            "choices": [choice.whole(index) for index, choice in choices],
            "usage": self._usage,
        }


def _order(index: Any) -> int:
    return index if isinstance(index, int) else 0


class ResponseFold(_Parsed):
    """A stream of the responses API: its last event repeats all, the others serve if it is lost."""

    def __init__(self) -> None:
        self.error: Any = None
        self._response: Data = {}
        self._items: dict[Any, Data] = {}  # those that are whole, by their place in the output
        self._begun: dict[Any, Data] = {}
        self._texts: dict[Any, dict[str, Text]] = {}  # of the others, by kind of delta
        self._ended = False

    @property
    def complete(self) -> bool:
        return self._ended

    def add(self, data: Data) -> bool:
        kind = data.get("type")
        delta = data.get("delta")
        if not isinstance(kind, str):
            self.error = data.get("error") or self.error
        elif delta is not None:
            if isinstance(delta, str):
                texts = self._texts.setdefault(data.get("output_index"), {})
                texts.setdefault(kind, Text()).add(delta)
            return bool(delta)
        elif kind == "error":
            self.error = data.get("error") or data
        elif isinstance(data.get("response"), dict):
            self._response = data["response"]
            self._ended = self._ended or kind in TERMINAL
        elif isinstance(data.get("item"), dict):
            self._keep(kind, data.get("output_index", len(self._items)), data["item"])
        return "partial_image_b64" in data

    def _keep(self, kind: str, index: Any, item: Data) -> None:
        if len(self._items) >= _MOST_ITEMS:
            return
        if kind == "response.output_item.added":
            self._begun[index] = item
        elif kind == "response.output_item.done":
            self._items[index] = item
            self._begun.pop(index, None)
            self._texts.pop(index, None)

    def response(self) -> Data:
        if self._ended and (self._response.get("output") or not self._items):
            return self._response
        items = {
            index: _unfinished(self._begun.get(index, {}), texts)
            for index, texts in self._texts.items()
        }
        items = {**self._begun, **items, **self._items}
        ordered = [items[index] for index in sorted(items, key=_order)]
        return {**self._response, "output": ordered or self._response.get("output")}


def _unfinished(item: Data, texts: dict[str, Text]) -> Data:
    """Return an output item that broke off, from its beginning and its deltas."""
    for kind, text in texts.items():
        if "arguments" in kind or "input" in kind:
            return {"type": "function_call", **item, "arguments": str(text)}
        if "reasoning" in kind:
            summary = [{"type": "summary_text", "text": str(text)}]
            return {"type": "reasoning", **item, "summary": summary}
        if "text" in kind or "refusal" in kind:
            content = [{"type": "output_text", "text": str(text)}]
            return {"type": "message", **item, "content": content}
    return item


class TextFold(_Parsed):
    """A stream of a transcription: deltas of text, at its end the whole with its usage."""

    def __init__(self) -> None:
        self.error: Any = None
        self._pieces: list[str] = []
        self._last: Data = {}

    @property
    def complete(self) -> bool:
        return bool(self._last)

    def add(self, data: Data) -> bool:
        self.error = data.get("error") or self.error
        delta = data.get("delta")
        if isinstance(delta, str):
            self._pieces.append(delta)
            return bool(delta)
        if str(data.get("type", "")).endswith(".done"):
            self._last = data
        return False

    def response(self) -> Data:
        return self._last if "text" in self._last else {**self._last, "text": "".join(self._pieces)}


class LastFold(_Parsed):
    """Any other stream: of events that report usage or the whole result, the last one."""

    def __init__(self) -> None:
        self.error: Any = None
        self.complete = False
        self._last: Data = {}

    def add(self, data: Data) -> bool:
        self.error = data.get("error") or self.error
        inner = data.get("data")
        held: Data = inner if isinstance(inner, dict) else data
        if held.get("usage") or str(held.get("type", "")).endswith((".completed", ".done")):
            self._last = held
            self.complete = True
        return True

    def response(self) -> Data:
        return self._last
