"""What the handler must remember of a run while it is open."""

from collections.abc import Mapping, Sequence
from typing import Any


class Memo:
    """Tags and metadata, which children inherit, and what a later callback has to know.

    `waits`: a node of this graph was interrupted. `seeks_session`: this top run's trace has no
    session yet. `batch`: the batch of prompts that this model call is part of, and its place.
    """

    __slots__ = ("batch", "is_node", "metadata", "provider", "seeks_session", "tags", "waits")

    def __init__(self, tags: Sequence[str], metadata: Mapping[str, Any], *, is_node: bool) -> None:
        self.tags = tuple(tags)
        self.metadata = dict(metadata)
        self.seeks_session = False
        self.is_node = is_node
        self.waits = False
        self.provider: str | None = None
        self.batch: Any = None
