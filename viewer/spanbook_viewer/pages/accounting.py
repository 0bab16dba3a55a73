"""Accounting: what was used and what it cost, by model, day, project, session, user and tag."""

from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from spanbook_viewer import data
from spanbook_viewer.accounting_view import AccountingView

bp = Blueprint("accounting", __name__)


@bp.get("/accounting/")
def index() -> str | AnyResponse:
    view = AccountingView.from_args(g.engine, request.args)
    if not all(value for _, value in request.args.items(multi=True)):  # of a form's empty fields
        return redirect(view.address)
    return render_template("accounting.html", view=view)


@bp.get("/accounting.json")
def index_json() -> Response:
    return data.response(AccountingView.from_args(g.engine, request.args).to_data())
