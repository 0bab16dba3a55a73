"""Health: whether everything was recorded, and whether this viewer works."""

from flask import Blueprint, Response, g, render_template, request

from spanbook.reading.arguments import refuse_unknown
from spanbook_viewer import data

bp = Blueprint("health", __name__)


@bp.get("/health")
def index() -> str:
    return render_template("health.html")


@bp.get("/health.json")
def index_json() -> Response:
    refuse_unknown(request.args)
    return data.response({"status": "ok", "recording": g.health})
