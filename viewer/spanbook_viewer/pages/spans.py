"""Spans: one model, tool, retriever or other step a row, over all traces."""

from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from spanbook_viewer.list_document import list_document
from spanbook_viewer.span_list import SpanList

bp = Blueprint("spans", __name__)


@bp.get("/spans/")
def index() -> str | AnyResponse:
    found = SpanList.from_args(g.engine, request.args)
    if found.is_of_form(request.args):
        return redirect(found.address)
    template = "spans_rows.html" if request.args.get("part") == "rows" else "spans.html"
    return render_template(template, list=found)


@bp.get("/spans.json")
def index_json() -> Response:
    return list_document(SpanList, g.engine, request.args)


@bp.get("/spans.<any(csv, jsonl, parquet):form>")
def export(form: str) -> Response:
    return SpanList.from_args(g.engine, request.args).export(form)
