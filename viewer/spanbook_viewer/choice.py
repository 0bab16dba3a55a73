"""What the address of a trace page asks for: everything on that page that can be chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from spanbook.errors import FilterError
from spanbook.spans import SpanKind

VIEWS = ("tree", "log")


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen span, view and filters of a trace page.

    `opened` maps the spans of which more than the first children are shown to the number of
    the first child shown. `listing` is the filter of the table that the page was reached from.
    """

    span: str | None = None
    view: str = "tree"
    hidden: frozenset[str] = frozenset()
    only_errors: bool = False
    opened: Mapping[str, int] = field(default_factory=dict[str, int])
    first: int = 0  # number of the first entry of the log that is shown
    listing: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_args(cls, args: MultiDict[str, str]) -> Self:
        """Return what `args` ask for.

        Raises:
            FilterError: a view, kind or level that does not exist.
        """
        return cls(
            span=args.get("span") or None,
            view=_one_of("view", args.get("view") or "tree", VIEWS),
            hidden=frozenset(
                _one_of("hide", kind, tuple(SpanKind)) for kind in _words(args.get("hide"))
            ),
            only_errors=_one_of("show", args.get("show") or "all", ("all", "errors")) == "errors",
            opened=dict(_opened(text) for text in args.getlist("open")),
            first=_number(args.get("from") or ""),
            listing=tuple(
                (name, value) for name, value in args.items(multi=True) if name not in _OWN
            ),
        )

    def query(self, **changes: Any) -> str:
        """Return the query string of this choice with some fields changed, `?` included."""
        return _query(replace(self, **changes))

    @property
    def back(self) -> str:
        """The query string of the table that the page was reached from; empty for the whole."""
        return "?" + urlencode(self.listing, safe=",") if self.listing else ""

    def toggled(self, kind: str) -> frozenset[str]:
        """Return the hidden kinds with `kind` shown if it is hidden, hidden if it is shown."""
        return self.hidden ^ {kind}


_OWN = frozenset({"span", "view", "hide", "show", "open", "from", "part"})


def _query(choice: Choice) -> str:
    pairs = list(choice.listing)
    if choice.view != "tree":
        pairs.append(("view", choice.view))
    if choice.only_errors:
        pairs.append(("show", "errors"))
    if choice.hidden:
        pairs.append(("hide", ",".join(sorted(choice.hidden))))
    pairs += [
        ("open", f"{span}.{first}" if first else span) for span, first in choice.opened.items()
    ]
    if choice.first:
        pairs.append(("from", str(choice.first)))
    if choice.span:
        pairs.append(("span", choice.span))
    return "?" + urlencode(pairs, safe=",")


def _words(text: str | None) -> list[str]:
    return [word for word in (text or "").split(",") if word]


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value in known:
        return value
    raise FilterError(f"{name}={value!r} is not known; choose from {', '.join(known)}.")


def _opened(text: str) -> tuple[str, int]:
    span, _, first = text.partition(".")
    return span, _number(first)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
