"""Runs: one execution of a program a row, with its config and its metrics."""

from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from spanbook.reading.arguments import refuse_unknown
from spanbook_viewer import data
from spanbook_viewer.list_document import list_document
from spanbook_viewer.run_list import RunList
from spanbook_viewer.run_view import RunView
from spanbook_viewer.runs_compared import RunsCompared

bp = Blueprint("runs", __name__)


@bp.get("/runs/")
def index() -> str | AnyResponse:
    found = RunList.from_args(g.engine, request.args)
    if found.is_of_form(request.args):
        return redirect(found.address)
    template = "runs_rows.html" if request.args.get("part") == "rows" else "runs.html"
    return render_template(template, list=found)


@bp.get("/runs.json")
def index_json() -> Response:
    if request.args.get("by"):
        return data.response(RunList.from_args(g.engine, request.args).to_data())
    return list_document(RunList, g.engine, request.args)


@bp.get("/runs.<any(csv, jsonl, parquet):form>")
def export(form: str) -> Response:
    return RunList.from_args(g.engine, request.args).export(form)


@bp.get("/runs/compare")
def compare() -> str:
    return render_template("runs_compared.html", view=RunsCompared(g.engine, request.args))


@bp.get("/runs/compare.json")
def compare_json() -> Response:
    refuse_unknown(request.args, ["run"])
    return data.response(RunsCompared(g.engine, request.args).to_data())


@bp.get("/runs/<run_id>")
def show(run_id: str) -> str:
    return render_template("run.html", view=RunView(g.engine, run_id))


@bp.get("/runs/<run_id>.json")
def show_json(run_id: str) -> Response:
    refuse_unknown(request.args)
    return data.response(RunView(g.engine, run_id).to_data())
