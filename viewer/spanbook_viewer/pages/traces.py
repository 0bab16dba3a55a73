"""Traces: one request a row."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from spanbook_viewer.list_document import list_document
from spanbook_viewer.trace_list import TraceList

bp = Blueprint("traces", __name__)


@bp.get("/")
def home() -> AnyResponse:
    return redirect(url_for(".index"))


@bp.get("/traces/")
def index() -> str | AnyResponse:
    found = TraceList.from_args(g.engine, request.args)
    if found.is_of_form(request.args):
        return redirect(found.address)
    template = "traces_rows.html" if request.args.get("part") == "rows" else "traces.html"
    return render_template(template, list=found)


@bp.get("/traces.json")
def index_json() -> Response:
    return list_document(TraceList, g.engine, request.args)


@bp.get("/traces.<any(csv, jsonl, parquet):form>")
def export(form: str) -> Response:
    return TraceList.from_args(g.engine, request.args).export(form)
