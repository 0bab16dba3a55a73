"""The command `spanbook ingest`: takes over what ended programs left in the journal."""

import threading

import click

from spanbook.commands.address import store_argument

_PAUSE = 1.0  # seconds between looks at the journal


@click.command()
@store_argument
@click.option("--watch", is_flag=True, help="Go on until interrupted.")
def ingest(url: str, watch: bool) -> None:
    """Fill the store at URL from the journals of programs that are gone.

    Programs fill the store themselves; this is for those that were killed or told not to
    (SPANBOOK_INGEST=0).
    """
    from spanbook.store.takeover import collect

    click.echo(f"{collect(url):,} records taken over.")
    try:
        while watch:
            threading.Event().wait(_PAUSE)
            collect(url)
    except KeyboardInterrupt:
        click.echo("Stopped.")
