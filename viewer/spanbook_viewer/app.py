"""The application factory."""

from collections.abc import Collection, Mapping
from typing import Any

from flask import Flask, Response, g, request, url_for

from spanbook.addresses import shown, sqlite_path, store_url
from spanbook.reading.book import Book
from spanbook.reading.health import store_health
from spanbook.spans import SpanKind
from spanbook_viewer import formats, graph_view, problems, security
from spanbook_viewer.environment import furnish
from spanbook_viewer.pages import BLUEPRINTS, PAGES, preferences


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
    book = Book(store) if isinstance(store, str) else store
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


def _words(book: Book) -> dict[str, Any]:
    """Return what every template may name."""
    return {
        "GLYPHS": formats.GLYPHS,
        "GRAPH_FILES": graph_view.FILES,
        "GROUPINGS": graph_view.WORDS,
        "KINDS": tuple(SpanKind),
        "PAGES": PAGES,
        "health": g.get("health"),
        "here": lambda: request.full_path.removesuffix("?"),
        "refresh": preferences.refresh(request.cookies, "spanbook-"),
        "store_place": place_of(book),
        "theme": preferences.theme(request.cookies, "spanbook-"),
    }


def place_of(book: Book) -> str:
    """Return where a store is: the path of its file, or its address without the password."""
    path = sqlite_path(store_url(book.url))
    return str(path) if path else shown(book.url)
