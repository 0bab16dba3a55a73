"""The argument by which a command is told its store."""

from collections.abc import Callable
from typing import Any

import click

from spanbook.addresses import store_url
from spanbook.settings import Settings


class StoreAddress(click.ParamType[str]):
    """A store's URL, or the path of a SQLite file."""

    name = "store"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the URL with an absolute path."""
        return store_url(value)


def store_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` the argument URL; without it the recorder's own setting holds."""
    return click.argument(
        "url", required=False, type=StoreAddress(), default=lambda: Settings.load().url
    )(command)
