"""Looks: whether objects are what they were when they were walked."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, PrivateAttr

from spanbook.architecture.looks import Looks


class Model(BaseModel):
    temperature: float = 0.2
    stop: list[str] = []
    names: dict[str, Any] = {"a": 1}
    pair: tuple[str, ...] = ("x",)
    _count: int = PrivateAttr(default=0)


class Plain:
    def __init__(self, **own: Any) -> None:
        self.__dict__.update(own)


def looks(*objects: Any) -> Looks:
    found = Looks()
    for one in objects:
        found.add(one)
    return found


def test_what_did_not_change_is_current():
    model, plain = Model(), Plain(model=Model(), size=3)
    found = looks(model, plain)
    model.model_dump()

    assert found.are_current


@pytest.mark.parametrize(
    "change",
    [
        lambda one: setattr(one, "temperature", 0.9),
        lambda one: setattr(one, "stop", ["end"]),
        lambda one: one.stop.append("end"),
        lambda one: one.names.update(a=2),
        lambda one: one.names.clear(),
        lambda one: setattr(one, "pair", ("x", "y")),
        lambda one: setattr(one, "_count", 1),
        lambda one: setattr(one, "__pydantic_private__", None),
        lambda one: one.__dict__.update(more=1),
    ],
)
def test_a_change_of_an_attribute_or_inside_of_one_is_noticed(change: Callable[[Any], object]):
    model = Model()
    found = looks(Plain(), model)
    change(model)

    assert not found.are_current


def test_numbers_that_come_and_go_are_told_apart():
    model = Model(temperature=float("0.5"))
    found = looks(model)
    seen: list[bool] = []
    for number in range(50):
        model.temperature = float(f"0.{number}1")
        seen.append(found.are_current)

    assert not any(seen)


def test_objects_are_not_kept_alive_and_dead_ones_are_not_current():
    model = Model()
    owner = Plain(model=model)
    model.names["owner"] = owner
    alive = weakref.ref(owner)
    found = looks(owner, model)
    del owner, model
    gc.collect()

    assert alive() is None
    assert not found.are_current
