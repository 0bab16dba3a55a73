"""The rows of a tree as markup, written here and not by a template: there may be thousands."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup, escape

from spanbook.moments import duration
from spanbook.reading.rows import SpanRow
from spanbook.reading.trees import Node, Tree
from spanbook.spans import Status
from spanbook_viewer import formats
from spanbook_viewer.outline import Outline, Row, indent

BRIEF = 200


@dataclass(frozen=True, slots=True)
class TreeRows:
    """What the rows of one tree need to know besides the outline.

    `tokens` are those of the spans below, for spans that reported none; `hits` say where in a span
    the text that is looked for stands; `address` is that of a span, `opened` that of more children.
    """

    tree: Tree
    now_ns: int
    selected: str
    tokens: Mapping[str, str]
    hits: Mapping[str, str]
    address: Callable[[str], str]
    opened: Callable[[str, int], str]

    def markup(self, outline: Outline) -> Markup:
        """Return the items of the tree's list."""
        return Markup("".join(self._pieces(outline)))  # noqa: S704 -- every text is escaped below

    def _pieces(self, outline: Outline) -> Iterator[str]:
        for row in outline.rows:
            if row.node is not None:
                yield self._span(row, row.node)
            elif row.hidden:
                yield self._more(row)
            else:
                yield _orphans(row)
            yield "<ul>" if row.opens else "</li>" + "</ul></li>" * row.closes

    def _span(self, row: Row, node: Node) -> str:
        span = node.span
        name = span.name if len(span.name) <= BRIEF else span.name[:BRIEF] + "…"
        label = escape(name)
        status = span.status
        hit = self.hits.get(span.span_id)
        current = ' aria-current="true"' if span.span_id == self.selected else ""
        classes = "row" + (" failed" if status == "error" else "") + (" hit" if hit else "")
        parts = [
            f'<li data-span="{escape(span.span_id)}">'
            f'<div class="{classes}" data-family="{formats.family(span.kind)}">'
            f'<span class="name" style="--in:{indent(row.depth)}">'
        ]
        if row.opens:
            parts.append(_fold(label))
        parts.append(
            f'<a href="{escape(self.address(span.span_id))}" data-swap="detail"{current}'
            f' title="{escape(self.title(span))}"><span class="kind">{span.kind}</span>'
            f' <span class="label" dir="auto">{label or "(no name)"}</span></a>'
        )
        if status != "ok":
            glyph = formats.GLYPHS.get(status, "")
            parts.append(f' <span class="status" data-status="{status}">{glyph} {status}</span>')
        if hit:
            parts.append(f' <span class="found">in {hit}</span>')
        if row.inside:
            inside = escape(self.opened(span.span_id, 0))
            parts.append(f' <a class="inside" href="{inside}" data-swap>{row.inside:,} inside</a>')
        parts.append(
            f'</span><span class="number">{self._tokens(span)}</span>'
            f'<span class="number">{formats.duration(self.elapsed(span))}</span>'
            f'<span class="track" aria-hidden="true"><span class="mark" data-status="{status}"'
            f' style="--l:{node.offset * 100:.6f}%;--w:{node.width * 100:.6f}%"></span>'
            f"{self._notch(span)}</span></div>"
        )
        return "".join(parts)

    def _more(self, row: Row) -> str:
        address = escape(self.opened(row.opener, row.first))
        return (
            '<li class="more"><div class="row">'
            f'<span class="name" style="--in:{indent(row.depth)}">'
            f'<a href="{address}" data-swap>{row.hidden}</a></span></div>'
        )

    def _tokens(self, span: SpanRow) -> str:
        if span.usage is not None:
            return formats.tokens(span.usage)
        return self.tokens.get(span.span_id, "")

    def _notch(self, span: SpanRow) -> str:
        """Return the mark of a span's first token."""
        length = self.tree.end_ns - self.tree.start_ns
        if span.first_token_ns is None or length <= 0:
            return ""
        place = (span.first_token_ns - self.tree.start_ns) / length * 100
        return f'<span class="notch" style="--l:{min(100.0, max(0.0, place)):.6f}%"></span>'

    def title(self, span: SpanRow) -> str:
        """Return all that a row says in short, as its tooltip."""
        start = self.tree.start_ns
        name = span.name if len(span.name) <= BRIEF else span.name[:BRIEF] + "…"
        words = [
            name,
            f"{span.kind} · {span.status}",
            f"start +{formats.duration(duration(span.start_ns - start))}"
            f" · {formats.clock(span.start)}",
        ]
        if span.end_ns is not None:
            ends = formats.duration(duration(span.end_ns - start))
            words.append(f"end +{ends} · {formats.clock(span.end)}")
        words.append(f"duration {formats.duration(self.elapsed(span))}")
        if span.usage is not None:
            words.append(f"tokens {formats.usage_words(span.usage)}")
        if span.cost is not None:
            words.append(f"cost {formats.money(span.cost)}")
        if span.error_type:
            words.append(f"error {span.error_type}")
        return "\n".join(words)

    def elapsed(self, span: SpanRow) -> timedelta | None:
        """Return how long a span took, or has been running."""
        if span.status is Status.RUNNING:
            return duration(max(0, self.now_ns - span.start_ns))
        return span.duration


def _fold(label: str) -> str:
    return (
        '<button class="fold" type="button" aria-expanded="true"'
        f' aria-label="Fold {label}"></button>'
    )


def _orphans(row: Row) -> str:
    return (
        '<li class="orphans"><div class="row"><span class="name" style="--in:0">'
        f"{_fold('orphans') if row.opens else ''}"
        '<span class="label">orphans</span> <span class="muted" title="The span that started them'
        ' is not recorded, or has not arrived yet">'
        f"{formats.plural(row.orphans, 'span')} whose parent is not recorded</span></span></div>"
    )


def tokens_below(tree: Tree) -> dict[str, str]:
    """Return for each span that reported no usage itself: what the spans below it used."""
    sums: dict[str | None, tuple[int, bool]] = {}
    for node in reversed(tree.nodes):
        span = node.span
        total, estimated = sums.get(span.span_id, (0, False))
        used = span.usage if span.counted else None
        if used is not None:
            total, estimated = total + used.total, estimated or used.estimated
        elif span.span_id not in sums:
            continue
        above, above_estimated = sums.get(span.parent_id, (0, False))
        sums[span.parent_id] = (above + total, above_estimated or estimated)
    found: dict[str, str] = {}
    for node in tree.nodes:
        if node.span.usage is None and node.span.span_id in sums:
            total, estimated = sums[node.span.span_id]
            found[node.span.span_id] = f"{'≈ ' if estimated else ''}{total:,}"
    return found
