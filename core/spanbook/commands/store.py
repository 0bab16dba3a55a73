"""The commands `spanbook store …`: what a store holds."""

from collections.abc import Mapping
from pathlib import Path

import click

from spanbook.addresses import journal_directory, shown, sqlite_path
from spanbook.commands.address import store_argument
from spanbook.errors import StoreError
from spanbook.segments import HEALTH_BYTES, SUFFIX


@click.group()
def store() -> None:
    """Look after a store."""


@store.command()
@store_argument
def stats(url: str) -> None:
    """Show where the store at URL is and how much it holds."""
    from sqlalchemy import func, select

    from spanbook.store.database import open_engine
    from spanbook.store.schema import segments, spans, traces

    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise StoreError(f"There is no store at {path} yet. Record a trace, or try: spanbook demo")
    engine = open_engine(url)
    with engine.connect() as connection:
        counts = {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (traces, spans)
        }
        held = {row.name: row.offset for row in connection.execute(select(segments))}
    engine.dispose()
    click.echo(f"store    {path or shown(url)}")
    for name, count in counts.items():
        click.echo(f"{name:<8} {count:,}")
    if path is not None:
        click.echo(f"size     {_bytes_of(path):,} bytes")
    click.echo(f"journal  {_waiting(journal_directory(url), held):,} bytes waiting")


def _bytes_of(path: Path) -> int:
    """Return the size of a SQLite file with its write-ahead log."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _waiting(journal: Path, held: Mapping[str, int]) -> int:
    """Return how many bytes of the journal the store does not hold yet."""
    ends = {path.name: len(path.read_bytes().rstrip(b"\0")) for path in journal.glob(f"*{SUFFIX}")}
    return sum(max(end - held.get(name, HEALTH_BYTES), 0) for name, end in ends.items())
