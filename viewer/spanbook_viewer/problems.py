"""What the viewer says when a page cannot be shown: what was asked, what is wrong, what to do."""

from dataclasses import dataclass

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from spanbook.errors import FilterError, SpanbookError, StoreError, UnknownTraceError
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
        case UnknownTraceError():
            return Problem(
                404,
                "Nothing here",
                str(error),
                "It may have been deleted, or it may not have arrived yet; see the list.",
            )
        case FilterError():
            return Problem(
                400, "This filter cannot be used", str(error), "Change the address, or start over."
            )
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


def handle(app: Flask) -> None:
    """Answer every error with a page, or with JSON where JSON was asked for."""

    def answer(error: Exception) -> ResponseReturnValue:
        if isinstance(error, HTTPException) and (error.code or 500) < 400:
            return error.get_response()
        problem = explain(error)
        if problem.status >= 500:
            app.logger.error("%s could not be shown", request.path, exc_info=error)
        if request.path.endswith(".json"):
            body = {"error": problem.title, "message": problem.text, "advice": problem.advice}
            return data.response(body), problem.status
        return render_template("error.html", problem=problem), problem.status

    app.register_error_handler(Exception, answer)
