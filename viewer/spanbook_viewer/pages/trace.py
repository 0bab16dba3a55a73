"""Trace: one request's spans as a tree on a time scale, and one of them in detail."""

from flask import Blueprint, Response, abort, current_app, g, render_template, request

from spanbook.drawing.graph_diagram import graph_diagram
from spanbook.reading import queries
from spanbook.reading.arguments import refuse_unknown
from spanbook.reading.documents import read_document
from spanbook.reading.exports import FORMATS, MEDIA_TYPES
from spanbook_viewer import data, diagrams
from spanbook_viewer.shapes import source_text
from spanbook_viewer.single_file import to_html
from spanbook_viewer.streaming import streamed
from spanbook_viewer.trace_view import open_trace

bp = Blueprint("trace", __name__, url_prefix="/traces")
PARTS = {"live": "trace_live.html", "detail": "trace_parts.html"}
SIDES = ("input", "output", "attributes", "events")


@bp.get("/<trace_id>")
def show(trace_id: str) -> str | Response:
    view = open_trace(g.engine, trace_id, request.args)
    template = PARTS.get(request.args.get("part", ""))
    if template is None and view.is_big:
        return streamed("trace.html", view=view)
    return render_template(template or "trace.html", view=view)


@bp.get("/<trace_id>.json")
def show_json(trace_id: str) -> Response:
    refuse_unknown(request.args, ["since"])
    return data.response(queries.changes(g.engine, trace_id, request.args.get("since")))


@bp.get("/<trace_id>/<any(html, json, jsonl, csv):format>")
def export(trace_id: str, format: str) -> Response:
    write = {**FORMATS, "html": to_html}[format]
    response = current_app.response_class(
        write(read_document(g.engine, trace_id)),
        content_type=f"{MEDIA_TYPES[format]}; charset=utf-8",
    )
    name = f"trace-{trace_id[:12]}.{format}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@bp.get("/<trace_id>/graph.<any(svg, mmd, dot):format>")
def graph(trace_id: str, format: str) -> Response:
    view = open_trace(g.engine, trace_id, request.args)
    diagram = graph_diagram(view.graph)
    return diagrams.response(diagram, format, "Execution graph", f"graph-{trace_id}")


@bp.get("/<trace_id>/spans/<span_id>.json")
def span_json(trace_id: str, span_id: str) -> Response:
    refuse_unknown(request.args)
    payload = queries.get_payload(g.engine, trace_id, span_id)
    spans = queries.list_spans(g.engine, trace_id)
    span = next(span for span in spans if span.span_id == span_id)
    return data.response({"span": span, "payload": payload})


@bp.get("/<trace_id>/spans/<span_id>/<side>")
def value(trace_id: str, span_id: str, side: str) -> Response:
    if side not in SIDES:
        abort(404)
    found = getattr(queries.get_payload(g.engine, trace_id, span_id), side)
    text = source_text(found)
    return data.response(found) if text is None else data.text(text)
