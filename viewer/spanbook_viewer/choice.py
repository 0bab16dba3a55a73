"""What the address of a trace page asks for: everything on that page that can be chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from typing import Any, Self
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from spanbook.drawing.graph import Grouping
from spanbook.errors import FilterError
from spanbook.spans import SpanKind

VIEWS = ("tree", "log", "graph")
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen span, view and filters of a trace page.

    `opened` maps the spans of which more than the first children are shown to the number of
    the first child shown. `zoom_from` and `zoom_to` bound the part of the time scale that is shown,
    in milliseconds since the trace began. `listing` is the filter of the table that the page was
    reached from.
    """

    span: str | None = None
    view: str = "tree"
    grouping: Grouping = Grouping.CALLER  # which spans are one node of the graph
    hidden: frozenset[str] = frozenset()
    only_errors: bool = False
    opened: Mapping[str, int] = field(default_factory=dict[str, int])
    first: int = 0  # number of the first entry of the log that is shown
    zoom_from: float | None = None
    zoom_to: float | None = None
    find: str = ""
    compare: bool = False  # whether the input is shown as what changed since the call before
    listing: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_args(cls, args: MultiDict[str, str]) -> Self:
        """Return what `args` ask for.

        Raises:
            FilterError: a view, kind or level that does not exist, or no part of a time scale.
        """
        zoom_from, zoom_to = _zoom(args)
        return cls(
            span=args.get("span") or None,
            view=_one_of("view", args.get("view") or "tree", VIEWS),
            grouping=Grouping(_one_of("by", args.get("by") or "caller", tuple(Grouping))),
            hidden=frozenset(
                _one_of("hide", kind, tuple(SpanKind)) for kind in _words(args.get("hide"))
            ),
            only_errors=_one_of("show", args.get("show") or "all", ("all", "errors")) == "errors",
            opened=dict(_opened(text) for text in args.getlist("open")),
            first=_number(args.get("entry") or ""),
            zoom_from=zoom_from,
            zoom_to=zoom_to,
            compare=_one_of("compare", args.get("compare") or "no", ("no", "previous")) != "no",
            find=(args.get("find") or "").strip()[:LONGEST_SEARCH],
            listing=tuple(
                (name, value) for name, value in args.items(multi=True) if name not in _OWN
            ),
        )

    def query(self, **changes: Any) -> str:
        """Return the query string of this choice with some fields changed, `?` included."""
        return _query(replace(self, **changes))

    def fields(self, **changes: Any) -> list[tuple[str, str]]:
        """Return what `query` says as pairs of names and values, for a form."""
        return _pairs(replace(self, **changes))

    @property
    def back(self) -> str:
        """The query string of the table that the page was reached from; empty for the whole."""
        return "?" + urlencode(self.listing, safe=",") if self.listing else ""

    def toggled(self, kind: str) -> frozenset[str]:
        """Return the hidden kinds with `kind` shown if it is hidden, hidden if it is shown."""
        return self.hidden ^ {kind}


_OWN = frozenset(
    {"span", "view", "by", "hide", "show", "open", "entry", "from", "to", "find", "compare", "part"}
)


def _query(choice: Choice) -> str:
    return "?" + urlencode(_pairs(choice), safe=",")


def _pairs(choice: Choice) -> list[tuple[str, str]]:
    pairs = list(choice.listing)
    if choice.view != "tree":
        pairs.append(("view", choice.view))
    if choice.grouping is not Grouping.CALLER:
        pairs.append(("by", choice.grouping))
    if choice.only_errors:
        pairs.append(("show", "errors"))
    if choice.hidden:
        pairs.append(("hide", ",".join(sorted(choice.hidden))))
    pairs += [
        ("open", f"{span}.{first}" if first else span) for span, first in choice.opened.items()
    ]
    if choice.first:
        pairs.append(("entry", str(choice.first)))
    pairs += [
        (name, f"{value:.10g}")
        for name, value in (("from", choice.zoom_from), ("to", choice.zoom_to))
        if value is not None
    ]
    if choice.compare:
        pairs.append(("compare", "previous"))
    if choice.find:
        pairs.append(("find", choice.find))
    if choice.span:
        pairs.append(("span", choice.span))
    return pairs


def _zoom(args: MultiDict[str, str]) -> tuple[float | None, float | None]:
    start, end = (_milliseconds(name, args.get(name)) for name in ("from", "to"))
    if start is not None and end is not None and start >= end:
        raise FilterError(f"from={start:g} is not before to={end:g}.")
    return start, end


def _milliseconds(name: str, text: str | None) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = inf
    if not isfinite(value):
        raise FilterError(f"{name}={text[:40]!r} is not a known number of milliseconds.")
    return value


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
