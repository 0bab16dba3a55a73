"""A backend: all that differs between the kinds of database that a store can be in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Engine, TableClause, exc

from spanbook.store.numbers import Numbers

Row = tuple[Any, ...]
Writer = Callable[[Connection, Sequence[Row]], None]
Finder = Callable[[Connection, Iterable[Any], Row], list[Row]]

# What the pipeline itself says of a record that it cannot take.
UNFIT = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class Rule(Enum):
    """What becomes of a row whose primary key, or other unique key, is in the table already."""

    NEW = "there is none"
    KEEP = "the old row stays"
    REPLACE = "the new row takes its place"
    ADD = "the numbers of both are added"


class Backend(ABC):
    """One kind of database. Has no state: stores are told apart by their URLs."""

    dialect: str  # SQLAlchemy's name for it
    chunk_bytes = 1 << 20  # of journal lines in one transaction
    keeps_sums = True  # by differences, under the lock; else they are found from the spans
    patience = 2.0  # seconds for which a writer waits for another; then the records wait

    @abstractmethod
    def engine(self, url: str, patience: float, limit: float | None) -> Engine:
        """Return an engine on the store at `url`, which need not be there yet.

        It waits `patience` seconds for others' locks; no statement takes longer than `limit`.

        Raises:
            StoreError: there can be no store.
        """

    @abstractmethod
    def place(self, url: str) -> str:
        """Return what messages call the store at `url`."""

    @abstractmethod
    def explain(self, place: str, error: BaseException | None) -> str:
        """Return what the driver's error means for the store at `place`, and what to do."""

    def is_slow(self, error: BaseException | None) -> bool:
        """Say whether the driver's error is that a statement took longer than it may."""
        return False

    @abstractmethod
    def refuses(self, error: exc.DBAPIError) -> bool:
        """Say whether an error is about the values of a row; else the store does not answer."""

    @abstractmethod
    def tables(self, connection: Connection) -> set[str]:
        """Return the names of the tables there, at least of those with names that ours have."""

    @abstractmethod
    def create(self, connection: Connection) -> None:
        """Make all tables and the full-text index."""

    @abstractmethod
    def before_creation(self, connection: Connection, url: str, patience: float) -> None:
        """Do what cannot be done within the transaction that makes the tables.

        Raises:
            StoreError: no store can be made there.
        """

    @abstractmethod
    def writing(self, connection: Connection) -> AbstractContextManager[None]:
        """Hold the store's write lock for a transaction: commit at the end, else roll back."""

    def attempt(self, connection: Connection) -> AbstractContextManager[Any]:
        """Undo what is written within, and no more, when that raises."""
        return connection.begin_nested()

    @abstractmethod
    def attune(self, connection: Connection) -> None:
        """Prepare the pipeline's connection for a life of writing."""

    @abstractmethod
    def set_patience(self, connection: Connection, seconds: float) -> None:
        """Wait no longer than `seconds` for others' locks from now on."""

    def identity(self, url: str) -> object:
        """Return what tells a store from one that took its place; None where nothing can."""
        return None

    @abstractmethod
    def numbers(self, connection: Connection, at: int) -> Numbers:
        """Return what numbers the new rows of a batch that is stored at the moment `at`."""

    @abstractmethod
    def writer(self, table: TableClause, columns: Sequence[str], rule: Rule) -> Writer:
        """Return what writes rows of `columns` into `table`."""

    @abstractmethod
    def finder(
        self, table: TableClause, columns: Sequence[str], key: str, given: Sequence[str]
    ) -> Finder:
        """Return what finds `columns` of rows by values of `key` that all have the same `given`."""

    @abstractmethod
    def spelled(self, text: str) -> str:
        """Return a statement, whose values stand as `?`, as the driver spells it."""

    @abstractmethod
    def write_search(self, connection: Connection, rows: Sequence[tuple[int, int, str]]) -> None:
        """Index texts, each with its trace and the last span that brought it, spans ascending."""
