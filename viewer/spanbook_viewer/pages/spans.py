"""Spans: one model, tool, retriever or other step a row, over all traces."""

from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from spanbook_viewer import data
from spanbook_viewer.span_list import SpanList

bp = Blueprint("spans", __name__)


@bp.get("/spans/")
def index() -> str | AnyResponse:
    found = SpanList.from_args(g.engine, request.args)
    if not all(value for _, value in request.args.items(multi=True)):  # of a form's empty fields
        return redirect(found.address)
    template = "spans_rows.html" if request.args.get("part") == "rows" else "spans.html"
    return render_template(template, list=found)


@bp.get("/spans.json")
def index_json() -> Response:
    return data.response(SpanList.from_args(g.engine, request.args).to_data())


@bp.get("/spans.<any(csv, jsonl, parquet):form>")
def export(form: str) -> Response:
    return SpanList.from_args(g.engine, request.args).export(form)
