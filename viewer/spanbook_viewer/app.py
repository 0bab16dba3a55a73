"""The application factory."""

from collections.abc import Collection, Mapping
from typing import Any

from flask import Flask, Response, current_app, g, request, url_for

from spanbook.addresses import shown, sqlite_path, store_url
from spanbook.reading.book import Book
from spanbook.reading.health import store_health
from spanbook.spans import SpanKind
from spanbook_viewer import diagrams, formats, graph_view, problems, security
from spanbook_viewer.environment import furnish
from spanbook_viewer.pages import BLUEPRINTS, PAGES, preferences

PAGE_LIMIT = 15.0  # seconds that a server may take over one question of a page


class Answer(Response):
    """An answer that can hold any recorded text, half surrogate pairs too."""

    def set_data(self, value: bytes | str) -> None:
        """Set the body, with ? for what UTF-8 cannot write."""
        super().set_data(value if isinstance(value, bytes) else value.encode("utf-8", "replace"))


def create_app(
    store: str | Book,
    *,
    token: str | None = None,
    allowed_hosts: Collection[str] | None = security.LOOPBACK,
) -> Flask:
    """Return the viewer of `store`, as a WSGI application.

    With `token`, every request must bring it: as `?token=…` once, or as a bearer token. Requests
    under a name that is not in `allowed_hosts` are refused; None lets all names through.
    """
    book = Book(store, limit=PAGE_LIMIT) if isinstance(store, str) else store
    app = Flask(__name__)
    app.response_class = Answer
    furnish(app.jinja_env)
    app.add_template_global(_media_address, "media_address")
    app.extensions["spanbook"] = book
    problems.handle(app)
    security.protect(app, token=token, allowed_hosts=allowed_hosts)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)

    @app.before_request
    def open_store() -> None:  # pyright: ignore[reportUnusedFunction] -- Flask calls it
        g.engine = book.engine
        g.health = store_health(book.engine) if request.endpoint != "static" else None

    @app.context_processor
    def words() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction] -- Flask calls it
        return _words(book)

    return app


def _media_address(item: Mapping[str, Any]) -> str:
    return url_for("media.show", digest=item.get("hash"))


def _data_address() -> str | None:
    """Return the address of this page as data, where it has one."""
    endpoint = f"{request.endpoint}_json"
    if endpoint not in current_app.view_functions:
        return None
    query = "" if request.view_args else request.query_string.decode("ascii", "replace")
    return url_for(endpoint, **request.view_args or {}) + (f"?{query}" if query else "")


def _words(book: Book) -> dict[str, Any]:
    """Return what every template may name."""
    return {
        "GLYPHS": formats.GLYPHS,
        "DIAGRAM_FILES": diagrams.FILES,
        "GROUPINGS": graph_view.WORDS,
        "KINDS": tuple(SpanKind),
        "PAGES": PAGES,
        "health": g.get("health"),
        "data_address": _data_address,
        "here": lambda: request.full_path.removesuffix("?"),
        "refresh": preferences.refresh(request.cookies, "spanbook-"),
        "store_place": place_of(book),
        "theme": preferences.theme(request.cookies, "spanbook-"),
    }


def place_of(book: Book) -> str:
    """Return where a store is: the path of its file, or its address without the password."""
    path = sqlite_path(store_url(book.url))
    return str(path) if path else shown(book.url)
