"""Exports: all rows that a list's filter matches, in its order, as a file to take along."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from itertools import islice
from tempfile import TemporaryFile
from typing import Any

from flask import Response, current_app

from spanbook_viewer import data
from spanbook_viewer.export_fields import Field, Form
from spanbook_viewer.problems import MissingPackageError

_BATCH = 1_000  # rows
_CHUNK = 1 << 16  # bytes
_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet takes a text for a formula


def forms() -> list[str]:
    """Return the kinds of files that can be written here."""
    return ["csv", "jsonl", *(["parquet"] if find_spec("pyarrow") else [])]


def export(form: str, name: str, fields: Sequence[Field], rows: Iterable[Any]) -> Response:
    """Return `rows` as a file to be saved, made while it is sent.

    Raises:
        MissingPackageError: Parquet without pyarrow.
    """
    write = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[form]
    response = current_app.response_class(write(fields, rows), mimetype=_TYPES[form])
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.{form}")
    return response


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _csv(fields: Sequence[Field], rows: Iterable[Any]) -> Iterator[bytes]:
    """Yield a head and a line a row; unknown is empty, and no text becomes a formula."""
    yield _lines([[field.name for field in fields]])
    for batch in _batches(rows):
        yield _lines([[_cell(field, row) for field in fields] for row in batch])


def _lines(cells: list[list[Any]]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows(cells)
    return text.getvalue().encode("utf-8", "replace")


def _cell(field: Field, row: Any) -> Any:
    value = field.read(row)
    match field.form:
        case Form.DATA:
            return _json(value)
        case Form.MONEY if value is not None:
            return f"{value:f}"
        case Form.FLAG if value is not None:
            return "true" if value else "false"
        case Form.TEXT if value is not None and value.startswith(_FORMULA):
            return f"'{value}"
        case _:
            return value


def _jsonl(fields: Sequence[Field], rows: Iterable[Any]) -> Iterator[bytes]:
    for batch in _batches(rows):
        lines = (data.encode({field.name: field.read(row) for field in fields}) for row in batch)
        yield b"".join(line + b"\n" for line in lines)


def _json(value: Any) -> str:
    return data.encode(value).decode()


def _parquet(fields: Sequence[Field], rows: Iterable[Any]) -> Iterator[bytes]:
    try:
        arrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise MissingPackageError(
            "Parquet needs pyarrow. Install it: pip install pyarrow."
        ) from None
    return _parquet_pieces(arrow, parquet, fields, rows)


def _parquet_pieces(
    arrow: Any, parquet: Any, fields: Sequence[Field], rows: Iterable[Any]
) -> Iterator[bytes]:
    """Yield the file once it is whole: what its head says stands at its end."""
    types = {
        Form.TEXT: arrow.string(),
        Form.DATA: arrow.string(),
        Form.NUMBER: arrow.int64(),
        Form.FLAG: arrow.bool_(),
        Form.REAL: arrow.float64(),
        Form.SECONDS: arrow.float64(),
        Form.MONEY: arrow.decimal128(38, 12),
        Form.MOMENT: arrow.timestamp("ns", tz="UTC"),
    }
    read_as = types | {Form.MOMENT: arrow.string()}
    schema = arrow.schema([(field.name, types[field.form]) for field in fields])
    with TemporaryFile() as file:
        with parquet.ParquetWriter(file, schema) as writer:
            for batch in _batches(rows):
                columns = [
                    arrow.array([_value(field, row) for row in batch], read_as[field.form]).cast(
                        types[field.form]
                    )
                    for field in fields
                ]
                writer.write_table(arrow.Table.from_arrays(columns, schema=schema))
        file.seek(0)
        while piece := file.read(_CHUNK):
            yield piece


def _value(field: Field, row: Any) -> Any:
    value = field.read(row)
    match field.form:
        case Form.DATA:
            return _json(value)
        case Form.TEXT if value is not None:
            return str(value).encode("utf-8", "replace").decode()
        case _:
            return value
