"""Functions: those that are observed, and each version with its source and what it uses."""

from flask import Blueprint, Response, g, render_template, request

from spanbook.drawing.dependencies import dependencies_diagram
from spanbook.reading import versions as reading
from spanbook.reading.arguments import refuse_unknown
from spanbook_viewer import data, diagrams, function_view
from spanbook_viewer.function_view import FunctionView

bp = Blueprint("functions", __name__, url_prefix="")
MOST_ROWS = 200
_MOST_DRAWN = 30  # functions in one graph


@bp.get("/functions/")
def index() -> str:
    rows = reading.list_functions(g.engine)
    latest = [row.latest for row in rows[:_MOST_DRAWN]]
    graph = function_view.all_dependencies(g.engine, latest)
    drawing = function_view.drawn(graph, latest) if graph.nodes else None
    shown = rows[:MOST_ROWS]
    return render_template("functions.html", rows=shown, count=len(rows), drawing=drawing)


@bp.get("/functions.json")
def index_json() -> Response:
    refuse_unknown(request.args)
    return data.response(reading.list_functions(g.engine))


@bp.get("/functions/<hash>")
def show(hash: str) -> str:
    version = reading.get_version(g.engine, hash)
    side = request.args.get("diff") == "side"
    view = FunctionView(g.engine, version, request.args.get("against") or None, side)
    return render_template("function.html", view=view, value_text=function_view.value_text)


@bp.get("/functions/<hash>.json")
def show_json(hash: str) -> Response:
    refuse_unknown(request.args)
    return data.response(reading.get_version(g.engine, hash).to_data())


@bp.get("/functions/<hash>/graph.<any(svg, mmd, dot):format>")
def graph(hash: str, format: str) -> Response:
    graph = function_view.graph_of(reading.get_version(g.engine, hash))
    return diagrams.response(dependencies_diagram(graph), format, "Dependencies", f"uses-{hash}")
