"""Traces: one request a row."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from spanbook_viewer import data
from spanbook_viewer.trace_list import TraceList

bp = Blueprint("traces", __name__)


@bp.get("/")
def home() -> AnyResponse:
    return redirect(url_for(".index"))


@bp.get("/traces/")
def index() -> str | AnyResponse:
    found = TraceList.from_args(g.engine, request.args)
    if not all(
        value for _, value in request.args.items(multi=True)
    ):  # a form sends its empty fields, too
        return redirect(found.address)
    template = "traces_rows.html" if request.args.get("part") == "rows" else "traces.html"
    return render_template(template, list=found)


@bp.get("/traces.json")
def index_json() -> Response:
    return data.response(TraceList.from_args(g.engine, request.args).to_data())


@bp.get("/traces.<any(csv, jsonl, parquet):form>")
def export(form: str) -> Response:
    return TraceList.from_args(g.engine, request.args).export(form)
