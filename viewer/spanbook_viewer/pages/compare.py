"""Compare: several traces side by side, span by span."""

from flask import Blueprint, Response, g, render_template, request

from spanbook.reading.arguments import refuse_unknown
from spanbook_viewer import data
from spanbook_viewer.compare_view import CompareView, took, total_cost, total_tokens

bp = Blueprint("compare", __name__)
MEASURES = (("Duration", took), ("Tokens", total_tokens), ("Cost", total_cost))


@bp.get("/compare/")
def index() -> str:
    view = CompareView(g.engine, request.args)
    return render_template("compare.html", view=view, measures=MEASURES)


@bp.get("/compare.json")
def index_json() -> Response:
    refuse_unknown(request.args, ["trace", "row"])
    return data.response(CompareView(g.engine, request.args).to_data())
