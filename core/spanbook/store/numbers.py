"""Numbers: the primary keys of new rows."""

from abc import ABC, abstractmethod


class Numbers(ABC):
    """Gives the rows of one batch their numbers."""

    @abstractmethod
    def trace(self, trace_id: str) -> int:
        """Return the number of a new trace."""

    @abstractmethod
    def span(self, trace_pk: int, span_id: str) -> int:
        """Return the number of a new span."""

    @abstractmethod
    def block(self, trace_pk: int, body: bytes) -> int:
        """Return the number of a new payload block."""


class Counters(Numbers):
    """Counts on from the last numbers in the store, whose write lock is held meanwhile."""

    def __init__(self, last_trace: int, last_block: int, last_span: int) -> None:
        self._trace = last_trace
        self._block = last_block
        self._span = last_span

    def trace(self, trace_id: str) -> int:
        """Return the next number."""
        self._trace += 1
        return self._trace

    def span(self, trace_pk: int, span_id: str) -> int:
        """Return the next number."""
        self._span += 1
        return self._span

    def block(self, trace_pk: int, body: bytes) -> int:
        """Return the next number."""
        self._block += 1
        return self._block
