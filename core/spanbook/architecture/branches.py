"""The components of an architecture as they are shown: so many, so deep, each with a number."""

from collections import deque
from dataclasses import dataclass, field

from spanbook.architecture.component import Component
from spanbook.spans import SpanKind

MOST = 400  # components on one page
DEEPEST = 30

_KINDS = {
    "client": SpanKind.LLM,
    "memory": SpanKind.RETRIEVER,
    "store": SpanKind.RETRIEVER,
}


@dataclass(slots=True)
class Branch:
    """A component and those of its parts that are shown; `left_out` tells how many are not."""

    number: int
    depth: int
    component: Component
    parts: list["Branch"] = field(default_factory=list["Branch"])
    left_out: int = 0


def branches(root: Component, most: int = MOST) -> Branch:
    """Return what is shown of a tree: level after level, until there are enough."""
    top = Branch(0, 0, root)
    pending = deque([top])
    count = 1
    while pending:
        branch = pending.popleft()
        parts = branch.component.parts
        room = max(most - count, 0) if branch.depth < DEEPEST else 0
        for number, part in enumerate(parts[:room], count):
            branch.parts.append(Branch(number, branch.depth + 1, part))
        branch.left_out = len(parts) - len(branch.parts)
        count += len(branch.parts)
        pending += branch.parts
    return top


def role_kind(role: str) -> str:
    """Return the kind of span whose colour a role has."""
    return str(_KINDS.get(role, role))
