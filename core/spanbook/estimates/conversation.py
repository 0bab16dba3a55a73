"""A prompt as the model is shown it: one shape for every endpoint's requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spanbook.estimates.images import Image

SYSTEM = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Message:
    """What one side said."""

    role: str
    text: str
    name: str | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model called; `arguments` is what the model wrote, mostly JSON."""

    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one answer."""

    calls: tuple[Call, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What the tools of one answer returned: tool and text."""

    results: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Conversation:
    """What a request shows to the model. Consecutive calls are one answer, and so are results."""

    turns: list[Message | Calls | Results] = field(
        default_factory=list["Message | Calls | Results"]
    )
    tools: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    schema: Mapping[str, Any] | None = None  # the answer's format: name, description, schema
    forced: str | None = None  # the tool that must be called
    _tools_by_call: dict[str, str] = field(default_factory=dict[str, str])

    def say(self, message: Message) -> None:
        """Add a message."""
        self.turns.append(message)

    def call(self, calls: Sequence[tuple[str, Call]], name: str | None = None) -> None:
        """Add calls, each with its id."""
        self._tools_by_call.update({id: call.tool for id, call in calls})
        added = tuple(call for _, call in calls)
        match self.turns:
            case [*_, Calls(calls=before, name=by)]:
                self.turns[-1] = Calls(before + added, by)
            case _:
                self.turns.append(Calls(added, name))

    def answer(self, id: str, tool: str | None, text: str) -> None:
        """Add what a tool returned to the call with this id."""
        result = (self._tools_by_call.get(id) or tool or "", text)
        match self.turns:
            case [*_, Results(results=before)]:
                self.turns[-1] = Results((*before, result))
            case _:
                self.turns.append(Results((result,)))
