"""The group `spanbook`: whatever is installed under the entry point `spanbook.commands`."""

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from spanbook.errors import SpanbookError

GROUP = "spanbook.commands"


class CommandGroup(click.Group):
    """Finds sub-commands by entry point, so that the core knows neither viewer nor examples.

    A sub-command that cannot be loaded says so in one line and leaves the others alone.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of everything installed."""
        return sorted({entry.name for entry in entry_points(group=GROUP)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the sub-command of that name, or None."""
        for entry in entry_points(group=GROUP, name=cmd_name):
            return _load(entry)
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the sub-command; our own errors become one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except SpanbookError as error:
            raise click.ClickException(" ".join(str(error).split())) from error


def _load(entry: EntryPoint) -> click.Command:
    try:
        return entry.load()
    except Exception as error:  # noqa: BLE001 - whatever one plug-in does, the others go on
        return _broken(entry, error)


def _broken(entry: EntryPoint, error: Exception) -> click.Command:
    reason = " ".join(f"cannot be loaded: {type(error).__name__}: {error}.".split())
    if isinstance(error, ModuleNotFoundError):
        reason += " Install what it needs, for example with pip install 'spanbook[viewer]'."

    def refuse() -> None:
        raise click.ClickException(f"The command '{entry.name}' ({entry.value}) {reason}")

    return _anything(entry.name, refuse, f"({reason})")


def _anything(name: str, callback: Callable[[], None], help: str) -> click.Command:
    """Return a command that takes any arguments and ignores them."""
    return click.Command(
        name,
        callback=callback,
        help=help,
        short_help=help,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="spanbook", message="%(prog)s %(version)s")
def main() -> None:
    """Record what an LLM application did, in a database you own, and look at it."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
