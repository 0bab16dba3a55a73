"""Describing: which walker knows an object. Each integration adds its own."""

from collections.abc import Callable
from typing import Any

from spanbook.architecture.component import Component
from spanbook.architecture.walk import Walk
from spanbook.classes import class_of, is_tame
from spanbook.errors import ArgumentError

Walker = Callable[[Any], "tuple[Component, Walk] | None"]
walkers: list[Walker] = []


def walked(value: Any) -> tuple[Component, Walk] | None:
    """Return the components of an object of a framework, with the walk; None: nobody knows it."""
    if not is_tame(class_of(value)):
        return None
    for walker in walkers:
        found = walker(value)
        if found is not None:
            return found
    return None


def unknown(value: Any) -> ArgumentError:
    """Return the error to raise about an object that no walker knows."""
    return ArgumentError(
        f"Nothing here can describe a {type(value).__qualname__}. Give a chain, graph, index, "
        "engine or client, and import its integration first: spanbook_langchain, "
        "spanbook_llama_index or spanbook_openai."
    )
