"""The quick walk either gives what the careful one gives, or leaves the value to it."""

import random
from collections import OrderedDict, UserDict, deque
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from spanbook.gate import plain
from spanbook.gate.plain import Gate
from spanbook.gate.walk import CarefulWalk, Doubt, Walk
from spanbook.settings import Limits, Settings

TIGHT = Limits(depth=6, items=9, nodes=120, text=90)
SCALARS: list[Any] = [
    None,
    True,
    0,
    -1,
    1 << 70,
    0.5,
    float("nan"),
    float("-inf"),
    "",
    "short",
    "x" * 80,
    "x" * 200,
    "https://ada:pw@host/",
    "\ud800",
    b"bytes",
    object,
    object(),
    ValueError("no"),
    {1, 2},
    (1, "two"),
    deque([1]),
    range(3),
    "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 5,
]
KEYS: list[Any] = [
    "a",
    "b",
    "content",
    "data",
    "api_key",
    "token",
    "$",
    "$$",
    "x://y",
    7,
    None,
    (1,),
]


@dataclass
class Box:
    """An object that is read field by field."""

    inner: Any = None
    more: Any = None


class Trap:
    """An object that raises when it is read."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError


def some(chance: random.Random, made: list[Any], depth: int) -> Any:
    """Return a value, into which those that are being made may be put again."""
    if depth == 0 or chance.random() < 0.3:
        return chance.choice([*SCALARS, Trap(), *made[-2:]])
    kind = chance.choice([dict, dict, list, list, Box, OrderedDict, UserDict, tuple])
    count = chance.choice([0, 1, 2, 3, 12, 70]) if depth < 3 else chance.choice([1, 2, 3])
    if kind is tuple:
        return tuple(some(chance, made, depth - 1) for _ in range(count))
    value: Any = kind()
    made.append(value)
    if kind is Box:
        value.inner, value.more = (some(chance, made, depth - 1) for _ in range(2))
    elif kind is list:
        value.extend(some(chance, made, depth - 1) for _ in range(count))
    else:
        for number in range(count):
            key = chance.choice(KEYS) if chance.random() < 0.5 else f"key {number}"
            value[key] = some(chance, made, depth - 1)
    return value


def written(data: Any) -> bytes:
    return orjson.dumps(plain.repaired(data, 200))


@pytest.mark.parametrize("limits", [TIGHT, Limits()], ids=["tight", "usual"])
def test_both_walks_give_the_same(limits: Limits) -> None:
    settings = Settings(limits=limits, hide=frozenset({"vectors"}))
    quick = doubtful = 0
    for seed in range(3_000):
        value = some(random.Random(seed), [], 8 if seed % 3 == 0 else 4)
        careful = Gate(settings)
        expected = CarefulWalk(careful).value(value, limits.depth)

        try:
            Walk(Gate(settings)).value(value, limits.depth)
            quick += 1
        except Doubt:
            doubtful += 1
        assert written(Gate(settings).plain(value, "attributes")) == written(expected)

    assert quick > 500
    assert doubtful > 100


def test_a_used_walk_knows_nothing_of_the_last_value() -> None:
    gate = Gate(Settings(limits=TIGHT))
    values = [some(random.Random(seed), [], 4) for seed in range(500)]

    once = [written(Gate(Settings(limits=TIGHT)).plain(value, "input")) for value in values]

    assert [written(gate.plain(value, "input")) for value in values] == once
