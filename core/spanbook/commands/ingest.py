"""The command `spanbook ingest`: fills a store for programs that are gone or that only append."""

import threading
import time
from pathlib import Path

import click

from spanbook.commands.address import store_argument

_PAUSE = 0.1  # seconds between looks at the journal
_PRUNE = 600.0  # seconds between looks whether the rules of retention are due


@click.command()
@store_argument
@click.option("--watch", is_flag=True, help="Go on until interrupted.")
@click.option(
    "--journal",
    type=click.Path(file_okay=False, path_type=Path),
    help="Another folder of segments, for example one copied from another machine.",
)
def ingest(url: str, watch: bool, journal: Path | None) -> None:
    """Fill the store at URL from the journals of other programs.

    Programs fill the store themselves. This is for those that were killed, and with --watch for
    those that are to do nothing but append (SPANBOOK_INGEST=0).
    """
    from spanbook.store.takeover import Collector

    with Collector(url, journal) as collector:
        click.echo(f"{collector.collect():,} records taken over.")
        collector.prune()
        pruned = time.monotonic()
        try:
            while watch:
                threading.Event().wait(_PAUSE)
                collector.collect()
                if time.monotonic() - pruned > _PRUNE:
                    pruned = time.monotonic()
                    collector.prune()
        except KeyboardInterrupt:
            click.echo("Stopped.")
