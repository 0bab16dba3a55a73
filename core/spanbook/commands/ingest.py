"""The command `spanbook ingest`: takes over what ended programs left in the journal."""

import threading
import time

import click

from spanbook.commands.address import store_argument

_PAUSE = 1.0  # seconds between looks at the journal
_PRUNE = 600.0  # seconds between looks whether the rules of retention are due


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
    _prune(url)
    pruned = time.monotonic()
    try:
        while watch:
            threading.Event().wait(_PAUSE)
            collect(url)
            if time.monotonic() - pruned > _PRUNE:
                pruned = time.monotonic()
                _prune(url)
    except KeyboardInterrupt:
        click.echo("Stopped.")


def _prune(url: str) -> None:
    """Apply the rules of retention that the store carries, if an hour has passed."""
    from spanbook.store.database import open_engine
    from spanbook.store.pace import at_once
    from spanbook.store.upkeep.retention import prune_if_due

    engine = open_engine(url)
    prune_if_due(engine, at_once)
    engine.dispose()
