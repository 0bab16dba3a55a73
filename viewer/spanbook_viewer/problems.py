"""What the viewer says when a page cannot be shown: what was asked, what is wrong, what to do."""

from dataclasses import dataclass
from itertools import pairwise

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from spanbook.errors import (
    ExpressionError,
    FilterError,
    SlowStoreError,
    SpanbookError,
    StoreError,
    UnknownArchitectureError,
    UnknownRunError,
    UnknownTraceError,
    UnknownVersionError,
)
from spanbook_viewer import data


class ForeignHostError(SpanbookError):
    """A request under a name that this viewer does not answer to."""


class MissingPackageError(SpanbookError):
    """A form of data that a package which is not installed would write."""


class MissingTokenError(SpanbookError):
    """A request without the token that this viewer was started with."""

    def __init__(self, was_given: bool) -> None:
        super().__init__("The token is wrong." if was_given else "This viewer asks for a token.")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error page."""

    status: int
    title: str
    text: str
    advice: str = ""
    asks_token: bool = False
    expression: tuple[str, str, str] | None = None  # what is wrong, and what stands around it

    def to_data(self) -> dict[str, object]:
        """Return the page as a problem document."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.text,
            "advice": self.advice,
        }


def explain(error: Exception) -> Problem:
    """Return the page for an error."""
    match error:
        case ForeignHostError():
            return Problem(
                403,
                "Not this host",
                f"This viewer does not answer to the name {error}.",
                "Open it under the address that it printed when it started.",
            )
        case MissingTokenError():
            return Problem(
                401,
                "A token is needed",
                str(error),
                "Open the address with ?token=… that the viewer printed when it started, "
                "or enter the token here.",
                asks_token=True,
            )
        case MissingPackageError():
            return Problem(
                406, "This file cannot be written", str(error), "CSV and JSONL need nothing more."
            )
        case (
            UnknownTraceError()
            | UnknownArchitectureError()
            | UnknownRunError()
            | UnknownVersionError()
        ):
            return Problem(
                404,
                "Nothing here",
                str(error),
                "It may have been deleted, or it may not have arrived yet; see the list.",
            )
        case ExpressionError():
            parts = (0, error.start, error.end, len(error.text))
            before, wrong, after = (error.text[a:b] for a, b in pairwise(parts))
            return Problem(
                400,
                "This filter cannot be used",
                str(error),
                "Correct it here, or start over.",
                expression=(before, wrong, after),
            )
        case FilterError():
            return Problem(
                400, "This filter cannot be used", str(error), "Change the address, or start over."
            )
        case SlowStoreError():
            return Problem(503, "This took too long", str(error), "Other pages may still work.")
        case StoreError():
            return Problem(
                500, "The store cannot be read", str(error), "Other pages may still work."
            )
        case HTTPException():
            return _of_http(error)
        case _:
            return Problem(
                500,
                "Something went wrong",
                f"{type(error).__name__} while this page was made.",
                "The traceback is in the terminal where the viewer runs. Other pages may work.",
            )


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    if status == 404:
        return Problem(404, "No such page", f"There is no page at {request.path}.", "See the list.")
    return Problem(status, error.name, error.description or error.name)


def _asks_for_data() -> bool:
    accepted = request.accept_mimetypes
    wanted = accepted.best_match(["text/html", "application/json", "application/problem+json"])
    return request.path.endswith(".json") or wanted not in ("text/html", None)


def handle(app: Flask) -> None:
    """Answer every error with a page, or with JSON where JSON was asked for."""

    def answer(error: Exception) -> ResponseReturnValue:
        if isinstance(error, HTTPException) and (error.code or 500) < 400:
            return error.get_response()
        problem = explain(error)
        if problem.status >= 500:
            app.logger.error("%s could not be shown", request.path, exc_info=error)
        if _asks_for_data():
            return data.problem(problem.to_data()), problem.status
        return render_template("error.html", problem=problem), problem.status

    app.register_error_handler(Exception, answer)
