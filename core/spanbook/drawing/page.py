"""A trace as one page of its own, to send to somebody: opens offline, runs nothing, asks nobody."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from spanbook import figures
from spanbook.drawing.diagram_svg import svg
from spanbook.drawing.gantt import gantt
from spanbook.drawing.graph import Graph
from spanbook.drawing.graph_diagram import graph_diagram
from spanbook.drawing.svg import FONT, colours, text
from spanbook.reading.rows import Payload, TraceRow
from spanbook.reading.trees import Node, Tree

MOST_SPANS = 2_000  # that are listed; the chart tells of the others
_LONGEST = 20_000  # characters of one value

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_RULES = (
    f"{colours(':root')}:root{{color-scheme:light dark}}"
    f"body{{margin:16px;background:var(--bg);color:var(--text);font:14px/20px {FONT}}}"
    "h1{font-size:18px;line-height:24px;overflow-wrap:anywhere}h2{font-size:14px}"
    "dl{display:flex;flex-wrap:wrap;gap:4px 24px;margin:0 0 16px}dl div{display:flex;gap:8px}"
    "dt,.muted{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}"
    "figure{margin:0;overflow-x:auto}table{border-collapse:collapse;width:100%}"
    "th,td{padding:4px 8px;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}"
    "th{font-size:12px;font-weight:400;color:var(--muted)}"
    ".number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".name{overflow-wrap:anywhere;unicode-bidi:isolate}.error{color:var(--error)}"
    "tr:target{outline:2px solid var(--link)}pre{font-size:12px;line-height:18px;margin:4px 0;"
    "padding:8px;background:var(--surface);white-space:pre-wrap;overflow-wrap:anywhere}"
    "summary{cursor:pointer;color:var(--muted)}svg{max-width:none}"
)


def page(trace: TraceRow, tree: Tree, graph: Graph, payloads: Mapping[str, Payload]) -> str:
    """Return the page of a trace; `payloads` are those to show, by span id."""
    chart = svg(graph_diagram(graph), title="Execution graph")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{text(trace.name)}</title><style>{_RULES}</style></head><body>"
        f"<h1>{text(trace.name)}</h1>{_facts(trace)}"
        f"<h2>Gantt chart</h2><figure>{gantt(tree, links=True)}</figure>"
        f"<h2>Execution graph</h2><figure>{chart}</figure>"
        f"<h2>Spans</h2>{''.join(_table(tree, payloads))}</body></html>\n"
    )


def _facts(trace: TraceRow) -> str:
    facts: dict[str, Any] = {
        "Status": f"{figures.GLYPHS[trace.status]} {trace.status}",
        "Began": f"{trace.start:%Y-%m-%d %H:%M:%S} UTC",
        "Took": figures.duration(trace.duration),
        "Spans": f"{trace.span_count:,}",
        "Tokens": figures.tokens(trace.usage),
        "Cost": figures.money(trace.cost, trace.unpriced_count),
        "Session": trace.session,
        "User": trace.user,
        "Tags": ", ".join(trace.tags),
        "Release": trace.release,
        "Trace": trace.trace_id,
    }
    rows = (
        f"<div><dt>{name}</dt><dd>{text(fact)}</dd></div>" for name, fact in facts.items() if fact
    )
    return f"<dl>{''.join(rows)}</dl>"


def _table(tree: Tree, payloads: Mapping[str, Payload]) -> Iterator[str]:
    yield (
        '<table><thead><tr><th>Span</th><th>Status</th><th class="number">Took</th>'
        '<th class="number">Tokens</th><th class="number">Cost</th></tr></thead><tbody>'
    )
    for node in tree.nodes[:MOST_SPANS]:
        yield _row(node, payloads.get(node.span.span_id))
    yield "</tbody></table>"
    if len(tree.nodes) > MOST_SPANS:
        yield f'<p class="muted">{len(tree.nodes) - MOST_SPANS:,} more spans are not listed.</p>'


def _row(node: Node, payload: Payload | None) -> str:
    span = node.span
    details = "" if payload is None else "".join(_details(payload))
    failed = "error" if span.error_type else ""
    return (
        f'<tr id="{text(span.span_id)}">'
        f'<td style="padding-left:{8 + 16 * min(node.depth, 20)}px">'
        f'<span class="muted">{span.kind}</span> <span class="name">{text(span.name)}</span>'
        f'{details}</td><td class="{failed}">{figures.GLYPHS[span.status]} {span.status}</td>'
        f'<td class="number">{figures.duration(span.duration)}</td>'
        f'<td class="number">{figures.tokens(span.usage)}</td>'
        f'<td class="number">{figures.money(span.cost)}</td></tr>'
    )


def _details(payload: Payload) -> Iterator[str]:
    if payload.error is not None:
        error = payload.error
        words = f"{error.type}: {error.message}"
        yield f'<pre class="error">{text(error.stack or words)}</pre>'
    if payload.has_input:
        yield _value("Input", payload.input)
    if payload.has_output:
        yield _value("Output", payload.output)
    if payload.attributes:
        yield _value("Attributes", payload.attributes)
    for event in payload.events:
        yield _value(event.name, event.data)


def _value(name: str, value: Any) -> str:
    written = value if isinstance(value, str) else orjson.dumps(value, option=_NICELY).decode()
    more = f"\n… {len(written) - _LONGEST:,} more characters" if len(written) > _LONGEST else ""
    shown = text(written[:_LONGEST] + more)
    return f"<details><summary>{text(name)}</summary><pre>{shown}</pre></details>"


_NICELY = orjson.OPT_INDENT_2
