"""The command `spanbook store stats`: where a store is and how much it holds."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spanbook.addresses import journal_directory, shown, sqlite_path
from spanbook.commands.address import store_argument
from spanbook.errors import StoreError
from spanbook.segments import HEALTH_BYTES, SUFFIX
from spanbook.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine


@click.command()
@store_argument
def stats(url: str) -> None:
    """Show where the store at URL is and how much it holds."""
    from sqlalchemy import func, select

    from spanbook.store.backends.upkeep import upkeep_of
    from spanbook.store.database import open_engine
    from spanbook.store.schema import blobs, runs, spans, traces

    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise StoreError(f"There is no store at {path} yet. Record a trace, or try: spanbook demo")
    engine = open_engine(url)
    with engine.connect() as connection:
        counts = {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (traces, spans, runs, blobs)
        }
        size = upkeep_of(connection).bytes_held(connection)
    waiting = waiting_bytes(engine, url)
    engine.dispose()
    click.echo(f"store    {path or shown(url)}")
    for name, count in counts.items():
        click.echo(f"{name:<8} {count:,}")
    click.echo(f"size     {size:,} bytes")
    click.echo(f"journal  {waiting:,} bytes waiting")


def waiting_bytes(engine: "Engine", url: str) -> int:
    """Return how many bytes of this machine's journal the store at `url` does not hold yet."""
    from spanbook.store.progress import Progress

    chosen = Settings.load().journal
    journal = Path(chosen) if chosen else journal_directory(url)
    with engine.connect() as connection:
        held = Progress(url, journal).all(connection)
    ends = {path.name: len(path.read_bytes().rstrip(b"\0")) for path in journal.glob(f"*{SUFFIX}")}
    return sum(max(end - held.get(name, HEALTH_BYTES), 0) for name, end in ends.items())
