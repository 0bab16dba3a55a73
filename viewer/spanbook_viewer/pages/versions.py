"""Versions: what traces ran, one version a row, and each as a tree of components."""

from flask import Blueprint, Response, g, render_template, request

from spanbook.reading import architectures as reading
from spanbook.reading.arguments import refuse_unknown
from spanbook.reading.last_good import since_last_good
from spanbook.reading.queries import get_trace
from spanbook_viewer import data, diagrams
from spanbook_viewer.architecture_view import ArchitectureView
from spanbook_viewer.version_changes import VersionChanges

bp = Blueprint("versions", __name__)
MOST_ROWS = 200


@bp.get("/versions/")
def index() -> str:
    name = request.args.get("name") or None
    rows = reading.list_architectures(g.engine, name=name, limit=MOST_ROWS)
    return render_template("versions.html", rows=rows, name=name, most=MOST_ROWS)


@bp.get("/versions.json")
def index_json() -> Response:
    refuse_unknown(request.args, ["name"])
    name = request.args.get("name") or None
    return data.response(reading.list_architectures(g.engine, name=name, limit=1_000))


@bp.get("/versions/diff")
def diff() -> str:
    return render_template("version_diff.html", view=VersionChanges(g.engine, request.args))


@bp.get("/versions/diff.json")
def diff_json() -> Response:
    refuse_unknown(request.args, ["a", "b", "form"])
    return data.response(VersionChanges(g.engine, request.args).to_data())


@bp.get("/versions/<hash>")
def show(hash: str) -> str:
    view = ArchitectureView.of_hash(g.engine, hash)
    return render_template("architecture.html", view=view)


@bp.get("/versions/<hash>.json")
def show_json(hash: str) -> Response:
    refuse_unknown(request.args)
    return data.response(reading.get_architecture(g.engine, hash).root.to_data())


@bp.get("/versions/<hash>/graph.<any(svg, mmd, dot):format>")
def graph(hash: str, format: str) -> Response:
    return _graph(ArchitectureView.of_hash(g.engine, hash), format, hash)


@bp.get("/traces/<trace_id>/architecture/graph.<any(svg, mmd, dot):format>")
def graph_of_trace(trace_id: str, format: str) -> Response:
    return _graph(ArchitectureView.of_trace(g.engine, trace_id), format, trace_id)


def _graph(view: ArchitectureView, format: str, name: str) -> Response:
    title = view.architecture.root.name or "What ran"
    return diagrams.response(view.graph.diagram, format, title, f"ran-{name}")


@bp.get("/traces/<trace_id>/architecture")
def of_trace(trace_id: str) -> str:
    view = ArchitectureView.of_trace(g.engine, trace_id)
    return render_template("architecture.html", view=view)


@bp.get("/traces/<trace_id>/architecture.json")
def of_trace_json(trace_id: str) -> Response:
    refuse_unknown(request.args)
    return data.response(ArchitectureView.of_trace(g.engine, trace_id).architecture.root.to_data())


@bp.get("/traces/<trace_id>/since-good")
def since_good(trace_id: str) -> str:
    since = since_last_good(g.engine, trace_id)
    trace = since.trace if since else get_trace(g.engine, trace_id)
    return render_template("since_good.html", since=since, trace=trace)


@bp.get("/traces/<trace_id>/since-good.json")
def since_good_json(trace_id: str) -> Response:
    refuse_unknown(request.args)
    since = since_last_good(g.engine, trace_id)
    if since is None:
        return data.response(None)
    return data.response(
        {
            "trace": since.trace,
            "good": since.good,
            "circumstances": since.circumstances,
            "has_same_input": since.has_same_input,
            "headline": since.ran.words,
            "changes": since.ran.changes,
        }
    )
