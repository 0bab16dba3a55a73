"""Architectures: each is stored once, by its hash."""

from collections.abc import Sequence

from sqlalchemy import Connection

from spanbook.store.records import Record
from spanbook.store.schema import architectures
from spanbook.store.statements import KEEP, Insert
from spanbook.store.wording import clean

_INSERT = Insert(architectures, rule=KEEP)


def write_architectures(connection: Connection, told: Sequence[Record], at: int) -> None:
    """Store the architectures of one batch, which the store may hold already.

    Each has a moment of its own, so that versions are numbered in the order they were told in.
    """
    rows: dict[str, tuple[str, str, str, int]] = {}
    for place, record in enumerate(told):
        hash = record["hash"]
        rows.setdefault(hash, (hash, clean(record["name"]) or "", record["body"], at + place))
    _INSERT.run(connection, list(rows.values()))
