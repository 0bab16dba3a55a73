"""LangGraph's own events and objects, met without importing LangGraph."""

import sys
from contextlib import suppress
from typing import Any

from spanbook.gate.plain import register
from spanbook.recording.live import LiveSpan
from spanbook_langchain.memo import Memo

_classes: dict[type, type] = {}
_known: set[str] = set()


def listen_to_graphs(handler: Any) -> None:
    """Let `handler` get LangGraph's interrupt and resume events, once LangGraph is loaded.

    LangGraph sends them to instances of a class of its own only, so the handler becomes one.
    """
    kind = type(handler)
    if kind in _classes.values():
        return
    callbacks = sys.modules.get("langgraph.callbacks")
    graph_handler = getattr(callbacks, "GraphCallbackHandler", None)
    if graph_handler is None or issubclass(kind, graph_handler):
        return
    _register_values()
    with suppress(TypeError):  # of a user's class that lets nothing be added
        if kind not in _classes:
            own = {"__module__": kind.__module__}
            _classes.setdefault(kind, type(kind.__name__, (kind, graph_handler), own))
        handler.__class__ = _classes[kind]


def plain_class(kind: type) -> type:
    """Return the class that `kind` was before it listened to graphs."""
    return next((plain for plain, graph in _classes.items() if graph is kind), kind)


def tell_graph(live: LiveSpan | None) -> None:
    """Let the graph around an interrupted node know: LangGraph ends it as if it were done."""
    if live is not None and isinstance(live.memo, Memo) and live.memo.is_node:
        graph = live.up
        if graph is not None and isinstance(graph.memo, Memo):
            graph.memo.waits = True


def _register_values() -> None:
    types = sys.modules.get("langgraph.types")
    for name, convert in (("Command", _command), ("Send", _send), ("Interrupt", _interrupt)):
        cls = getattr(types, name, None)
        if isinstance(cls, type) and name not in _known:
            _known.add(name)
            register(cls, convert)


def _command(value: Any) -> dict[str, Any]:
    given = {name: getattr(value, name, None) for name in ("graph", "update", "resume", "goto")}
    return {name: item for name, item in given.items() if item is not None and item != ()}


def _send(value: Any) -> dict[str, Any]:
    return {"node": value.node, "arg": value.arg}


def _interrupt(value: Any) -> dict[str, Any]:
    return {"id": value.id, "value": value.value}
