"""A recorded value as a flat run of lines, so that a template can draw it without recursion."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from spanbook_viewer import placeholders
from spanbook_viewer.long_texts import SHOWN
from spanbook_viewer.renditions import Allowance, Rendition, rendition
from spanbook_viewer.tables import Table, table

OPEN_LEVELS = 2
DEEPEST = 60  # levels of <details>; deeper values are only in the raw value


@dataclass(frozen=True, slots=True)
class Line:
    """One step of drawing a value: a container opens or closes, or a single value stands."""

    step: Literal["open", "close", "leaf", "note", "media", "table"]
    key: str | None = None
    text: str = ""
    count: int = 0
    is_open: bool = False
    is_text: bool = False  # a string: drawn in quotes, keeps its line breaks
    note: str = ""
    media: Any = None
    table: Table | None = None
    rendition: Rendition | None = None

    @property
    def size(self) -> int:
        """About how many characters of the page it takes."""
        return len(self.text) + len(self.key or "") + (self.table.size if self.table else 8)


def lines(value: Any, allowance: Allowance | None = None, *, shown: int = SHOWN) -> Iterator[Line]:
    """Yield the lines of `value` until `shown` characters are drawn; a note says what is cut.

    Texts of more than one line are rendered as far as the allowance goes, without one not at all.
    """
    spent = 0
    depth = 0
    for line in _walk(value, allowance):
        if spent > shown:
            yield Line("note", text="the rest is in the raw value")
            yield from (Line("close") for _ in range(depth))
            return
        depth += (line.step == "open") - (line.step == "close")
        spent += line.size
        yield line


def _walk(value: Any, allowance: Allowance | None) -> Iterator[Line]:
    stack: list[Iterator[tuple[str | None, Any]]] = [iter([(None, value)])]
    while stack:
        key, item = next(stack[-1], (None, _END))
        if item is _END:
            stack.pop()
            if stack:
                yield Line("close")
        elif (inner := _items(item)) is None or len(stack) > DEEPEST:
            yield _leaf(key, item, allowance)
        elif (found := table(item)) is not None:
            yield _opening(key, item, is_open=len(stack) <= OPEN_LEVELS)
            yield Line("table", table=found)
            yield Line("close")
        else:
            yield _opening(key, item, is_open=len(stack) <= OPEN_LEVELS)
            stack.append(inner)


_END = object()


def _items(item: Any) -> Iterator[tuple[str | None, Any]] | None:
    """Return the keys and values inside `item`, or None where it is drawn on one line."""
    match placeholders.mark(item):
        case None:
            pass
        case "array":
            return _numbered(item.get("values"))
        case "table":
            return ((name, item.get(name)) for name in ("columns", "rows"))
        case _:
            return None
    if isinstance(item, dict) and item:
        return ((_own_key(key), inner) for key, inner in cast("dict[str, Any]", item).items())
    if isinstance(item, list) and item:
        return _numbered(cast("list[Any]", item))
    return None


def _numbered(items: Any) -> Iterator[tuple[str | None, Any]]:
    values = cast("list[Any]", items) if isinstance(items, list) else []
    return ((str(index), inner) for index, inner in enumerate(values))


def _own_key(key: str) -> str:
    return key[1:] if key.startswith("$$") else key


def _opening(key: str | None, item: Any, is_open: bool) -> Line:
    if placeholders.mark(item):
        return Line("open", key, placeholders.words(item), is_open=is_open)
    brackets = "{}" if isinstance(item, dict) else "[]"
    return Line("open", key, brackets, count=_full_count(cast("list[Any]", item)), is_open=is_open)


def _full_count(item: dict[str, Any] | list[Any]) -> int:
    """Return how many items the live value had, those that were not recorded included."""
    last: Any = item.get("…") if isinstance(item, dict) else item[-1]
    if placeholders.mark(last) == "more" and isinstance(last.get("count"), int):
        return len(item) - 1 + last["count"]
    return len(item)


def _leaf(key: str | None, item: Any, allowance: Allowance | None) -> Line:
    if isinstance(item, str):
        found = rendition(item, allowance) if "\n" in item else None
        return Line("leaf", key, item, is_text=True, rendition=found)
    if placeholders.is_media(item):
        return Line("media", key, placeholders.words(item), media=item)
    match placeholders.mark(item):
        case "truncated":
            text = str(item.get("text", ""))
            return Line("leaf", key, text, is_text=True, note=placeholders.words(item))
        case None:
            return Line("leaf", key, _plain(item))
        case "more":
            return Line("note", text=placeholders.words(item))
        case _:
            return Line("note", key, placeholders.words(item))


def _plain(item: Any) -> str:
    if item is None or isinstance(item, bool):
        return str(item).lower().replace("none", "null")
    if isinstance(item, (dict, list)):
        held = len(cast("list[Any]", item))
        brackets = "{}" if isinstance(item, dict) else "[]"
        return f"{brackets} {held} more, in the raw value" if held else brackets
    return str(item)
