"""The commands `spanbook export` and `spanbook import`: a trace as a file, and back."""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from spanbook.addresses import sqlite_path
from spanbook.commands.address import store_option
from spanbook.errors import SettingsError, StoreError, TraceFileError

if TYPE_CHECKING:
    from spanbook.reading.documents import Document

GROUP = "spanbook.exports"  # where other formats are found, by name
FORMATS = ("html", "json", "jsonl", "csv")


@click.command()
@click.argument("trace")
@click.option("--format", "format", type=click.Choice(FORMATS), help="Else what FILE ends with.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Else the standard output.")  # fmt: skip
@store_option
def export(trace: str, format: str | None, output: Path | None, url: str) -> None:
    """Write TRACE, an id of 32 hexadecimal digits, as a file that is complete in itself.

    HTML opens in any browser, offline. JSON and JSON lines hold everything, so that
    `spanbook import` restores the identical trace; HTML holds it, too. CSV is for spreadsheets.
    """
    from spanbook.reading.documents import read_document
    from spanbook.store.database import open_engine

    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise StoreError(f"There is no store at {path}. Name one with --store.")
    write = _writer(format or (output.suffix[1:].lower() if output else "") or "json")
    engine = open_engine(url)
    try:
        pieces = write(read_document(engine, trace))
        with click.open_file(str(output or "-"), "wb") as file:
            _copy(pieces, file)
    finally:
        engine.dispose()


def _writer(format: str) -> "Callable[[Document], Iterator[bytes]]":
    from spanbook.reading.exports import FORMATS as OWN

    if format in OWN:
        return OWN[format]
    for entry in entry_points(group=GROUP, name=format):
        try:
            return entry.load()
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"Exporting {format} needs {error.name}. Install it with "
                "pip install 'spanbook[viewer]'."
            ) from error
    raise SettingsError(f"{format!r} is no format; choose from {', '.join(FORMATS)}.")


def _copy(pieces: Iterator[bytes], file: IO[bytes]) -> None:
    for piece in pieces:
        file.write(piece)


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...",
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@store_option
def import_(files: tuple[Path, ...], url: str) -> None:
    """Put exported traces back: HTML, JSON or JSON lines that `spanbook export` wrote.

    A trace that the store holds already stays as it is.
    """
    from spanbook.store.imports import import_trace

    for path in files:
        try:
            found = import_trace(url, path.read_bytes())
        except TraceFileError as error:
            raise TraceFileError(f"{path}: {error}") from error
        spans = f"{found.span_count:,} span{'' if found.span_count == 1 else 's'}"
        state = f"imported, {spans}" if found.is_new else "is in the store already"
        click.echo(f"{found.trace_id}  {state}")
