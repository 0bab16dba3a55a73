"""Patterns: every piece of the pages with short, long, empty and hostile content."""

from flask import Blueprint, render_template

from spanbook_viewer import samples

bp = Blueprint("patterns", __name__, url_prefix="/patterns")


@bp.get("")
def index() -> str:
    return render_template("patterns.html", samples=samples)
