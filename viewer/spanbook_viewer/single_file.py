"""One trace as one HTML file: the page without a server, complete and offline."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from spanbook.moments import read_moment
from spanbook.reading import payloads
from spanbook.reading.costs import CostExplanation, explain_by
from spanbook.reading.documents import Document
from spanbook.reading.exports import to_json_compact
from spanbook.reading.rows import Payload, SpanRow, TraceRow
from spanbook.reading.trees import Node, Tree
from spanbook.usage import Usage
from spanbook_viewer import cost_view, formats, outline, tree_rows
from spanbook_viewer.choice import Choice
from spanbook_viewer.cost_view import CostLine, cost_lines
from spanbook_viewer.environment import furnish
from spanbook_viewer.formats import GLYPHS
from spanbook_viewer.outline import Outline
from spanbook_viewer.shapes import Preview, calls_in, preview
from spanbook_viewer.tree_rows import TreeRows
from spanbook_viewer.zoom import Zoom

_STATIC = files("spanbook_viewer") / "static"
_MODULES = ("folding", "keys", "zooming", "times", "single_file")  # each after what it imports
_IMPORT = re.compile(r'^import (\{.*?\}) from "\./(\w+)\.js";$', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?function (\w+))", re.M)
_ESCAPES = {b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026"}  # no data ends its element


def to_html(document: Document) -> Iterator[bytes]:
    """Yield a trace as one HTML file that asks nobody for anything and can be imported again."""
    view = FileView(document)
    script = _script()
    template = _environment(document).get_template("single_file.html")
    pieces = template.generate(
        view=view,
        GLYPHS=GLYPHS,
        styles=Markup((_STATIC / "viewer.css").read_text("utf-8")),  # noqa: S704 -- ours
        script=Markup(script),  # noqa: S704 -- ours
        policy=_policy(script),
        data=Markup(_data(document)),  # noqa: S704 -- escaped there
    )
    for piece in pieces:
        yield piece.encode("utf-8", "replace")


def _environment(document: Document) -> Environment:
    environment = furnish(Environment(loader=PackageLoader("spanbook_viewer"), autoescape=True))
    environment.globals["media_address"] = partial(_data_address, document)  # pyright: ignore[reportUnknownMemberType]
    return environment


def _data_address(document: Document, item: Mapping[str, Any]) -> str:
    media = document.media.get(str(item.get("hash")))
    return f"data:{media['media_type']};base64,{media['data']}" if media else ""


def _data(document: Document) -> str:
    text = b"".join(to_json_compact(document))
    for letter, escape in _ESCAPES.items():
        text = text.replace(letter, escape)
    return text.decode()


def _script() -> str:
    """Return our modules as one script; each is a function's own world, as it is a file's."""
    return "\n".join(
        _wrapped(name, (_STATIC / f"{name}.js").read_text("utf-8")) for name in _MODULES
    )


def _wrapped(name: str, source: str) -> str:
    offered = ", ".join(_EXPORT.findall(source))
    body = _EXPORT.sub("", _IMPORT.sub(r"const \1 = \2;", source))
    return f"const {name} = (() => {{\n{body}\nreturn {{ {offered} }};\n}})();"


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@dataclass
class FileView:
    """A trace as the file shows it: all spans in the tree, each in detail below or beside it."""

    document: Document
    choice: Choice = field(default_factory=Choice)
    is_running: bool = False  # nothing changes any more

    @property
    def is_big(self) -> bool:
        """Whether a browser would be slow with all details at once; a script shows one of them."""
        return len(self.tree.nodes) > outline.SMALL

    @property
    def trace(self) -> TraceRow:
        """The trace's row."""
        return self.document.row

    @property
    def tree(self) -> Tree:
        """The spans as a tree, with the time scale of all bars."""
        return self.document.tree

    @property
    def zoom(self) -> Zoom:
        """The whole time scale."""
        return Zoom(self.tree.end_ns - self.tree.start_ns)

    @cached_property
    def outline(self) -> Outline:
        """A row for each span."""
        return outline.outline(self.tree, self.choice, "", small=len(self.tree.nodes))

    @cached_property
    def rows(self) -> TreeRows:
        """What writes the rows of the tree."""
        return TreeRows(
            self.tree,
            self.tree.end_ns,
            self.tree.nodes[0].span.span_id if self.tree.nodes else "",
            tree_rows.tokens_below(self.tree),
            {},
            lambda span_id: f"#span-{span_id}",
            lambda _span_id, _first: "",
        )

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """The nodes of the tree by the ids of their spans."""
        return {node.span.span_id: node for node in self.tree.nodes}

    @cached_property
    def runs_of_calls(self) -> dict[str, str]:
        """For each tool call: the id of the span that ran it."""
        tools = [span for span in self.document.spans if span["kind"] == "tool"]
        calls = {_call_of(span): span["id"] for span in reversed(tools)}
        return {call: span_id for call, span_id in calls.items() if call is not None}

    @cached_property
    def requesters(self) -> dict[str, SpanRow]:
        """For each tool call: the model span that requested it."""
        found: dict[str, SpanRow] = {}
        for span in self.document.spans:
            if span["kind"] == "llm":
                for call in calls_in(span.get("output")):
                    if call.id:
                        found.setdefault(call.id, self.nodes[span["id"]].span)
        return found

    def details(self) -> Iterator["FileDetail"]:
        """Yield every span in detail, in the order of the tree."""
        for node, span in zip(self.tree.nodes, self.document.spans, strict=True):
            yield FileDetail(self, node, span)


@dataclass
class FileDetail:
    """One span in detail, with the words that the template of the page's detail asks for."""

    view: FileView
    selected_node: Node
    span: Mapping[str, Any]
    compared: None = None
    can_compare: bool = False
    json_address: str = ""

    @property
    def place(self) -> str:
        """The name of this detail in the file."""
        return f"span-{self.selected.span_id}"

    @property
    def selected(self) -> SpanRow:
        """The span."""
        return self.selected_node.span

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes of the tree by the ids of their spans."""
        return self.view.nodes

    @cached_property
    def payload(self) -> Payload:
        """What went into the span and came out."""
        happened: list[dict[str, Any]] = self.span.get("events") or []
        events = [(read_moment(one["at"]), one["name"], one.get("data")) for one in happened]
        return payloads.payload(self.span, events)

    @property
    def input(self) -> Preview:
        """The span's input, ready to draw."""
        return preview(_own(self.payload.input))

    @property
    def output(self) -> Preview:
        """The span's output, ready to draw."""
        return preview(_own(self.payload.output))

    @property
    def results(self) -> dict[str, str]:
        """For each call that a span requests: where the span that ran it stands."""
        return {call: self.span_query(span) for call, span in self.view.runs_of_calls.items()}

    @property
    def requester(self) -> SpanRow | None:
        """The span that requested this tool call."""
        call = _call_of(self.span) if self.selected.kind == "tool" else None
        return None if call is None else self.view.requesters.get(call)

    def span_query(self, span_id: str) -> str:
        """Return where a span stands in the file."""
        return f"#span-{span_id}"

    @cached_property
    def cost(self) -> CostExplanation:
        """What the span cost and why."""
        charged: Mapping[str, Any] = self.span.get("charged") or {}
        return explain_by(self.selected, charged.get("price"))

    @property
    def cost_lines(self) -> list[CostLine]:
        """The span's usage and cost, part by part."""
        return cost_lines(self.selected.usage or Usage(), self.cost)

    @property
    def price_start(self) -> datetime | None:
        """From when on the price held; None where it always did, or there is none."""
        return cost_view.price_start(self.cost)

    @property
    def estimate_words(self) -> str:
        """How the span's usage was estimated, and how much to trust it."""
        return formats.estimate_words(self.payload.attributes.get("estimate"))

    def spans_address(self, _name: str, _value: str) -> str:
        """Return nothing: other traces are not in the file."""
        return ""

    def value_address(self, side: str) -> str:
        """Return nothing: a file has no addresses for raw values, it holds them all."""
        return ""

    def elapsed(self, span: SpanRow) -> timedelta | None:
        """Return how long a span took."""
        return self.view.rows.elapsed(span)


def _call_of(span: Mapping[str, Any]) -> str | None:
    """Return the id of the tool call that a span ran."""
    attributes: Mapping[str, Any] = span.get("attributes") or {}
    call = attributes.get("tool_call_id")
    return call if isinstance(call, str) else None


def _own(value: Any) -> Any:
    """Return a value that a preview may take apart."""
    return orjson.loads(orjson.dumps(value)) if isinstance(value, (dict, list)) else value
