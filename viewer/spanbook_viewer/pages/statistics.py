"""Statistics: counts, durations, tokens and cost, by what spans share and over time."""

from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from spanbook_viewer import data
from spanbook_viewer.statistics_view import StatisticsView

bp = Blueprint("statistics", __name__)


@bp.get("/statistics/")
def index() -> str | AnyResponse:
    view = StatisticsView.from_args(g.engine, request.args)
    if not all(value for _, value in request.args.items(multi=True)):  # of a form's empty fields
        return redirect(view.address)
    return render_template("statistics.html", view=view)


@bp.get("/statistics.json")
def index_json() -> Response:
    return data.response(StatisticsView.from_args(g.engine, request.args).to_data())
