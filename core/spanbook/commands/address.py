"""How a command is told its store: by an argument, or by an option where it has other arguments."""

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
    """Give `command` the argument URL; else the setting holds."""
    return click.argument(
        "url", required=False, type=StoreAddress(), default=lambda: Settings.load().url
    )(command)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` the option `--store`, as `url`; else the setting holds."""
    return click.option(
        "--store",
        "url",
        type=StoreAddress(),
        default=lambda: store_url(Settings.load().url),
        help="A store's URL or SQLite file; else $SPANBOOK_URL, else spanbook.db in this folder.",
    )(command)
