"""Sessions: conversations, each with its turns in order; and the users who held them."""

from flask import Blueprint, Response, g, render_template, request

from spanbook.reading.arguments import refuse_unknown
from spanbook.reading.groups import list_groups
from spanbook_viewer import data
from spanbook_viewer.conversation import Conversation

bp = Blueprint("sessions", __name__)


@bp.get("/sessions/")
def index() -> str:
    user = request.args.get("user") or None
    return render_template(
        "sessions.html", by="session", user=user, rows=list_groups(g.engine, "session", user=user)
    )


@bp.get("/sessions.json")
def index_json() -> Response:
    refuse_unknown(request.args, ["user"])
    return data.response(
        list_groups(g.engine, "session", user=request.args.get("user") or None, limit=1_000)
    )


@bp.get("/users/")
def users() -> str:
    return render_template(
        "sessions.html", by="user", user=None, rows=list_groups(g.engine, "user")
    )


@bp.get("/users.json")
def users_json() -> Response:
    refuse_unknown(request.args)
    return data.response(list_groups(g.engine, "user", limit=1_000))


@bp.get("/session")
def show() -> str:
    return render_template("session.html", session=_conversation())


@bp.get("/session.json")
def show_json() -> Response:
    refuse_unknown(request.args, ["id", "after", "turn"])
    session = _conversation()
    page = session.page
    return data.response({"totals": session.totals, "traces": page.rows, "next": page.next})


def _conversation() -> Conversation:
    turn = request.args.get("turn", "")
    first = int(turn) if turn.isascii() and turn.isdigit() and len(turn) < 9 else 1
    after = request.args.get("after") or None
    return Conversation(g.engine, request.args.get("id", ""), after, first if after else 1)
