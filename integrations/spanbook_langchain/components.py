"""LangChain's and LangGraph's objects as components of an architecture."""

import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, cast

from langchain_core.documents import BaseDocumentTransformer
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseLanguageModel
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import BaseOutputParser
from langchain_core.prompts import BasePromptTemplate, MessagesPlaceholder
from langchain_core.prompts.message import BaseMessagePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase, RunnableParallel
from langchain_core.runnables.branch import RunnableBranch
from langchain_core.tools import BaseTool
from langchain_core.vectorstores import VectorStore

from spanbook.architecture.component import Component, Edge
from spanbook.architecture.walk import (
    Draft,
    Language,
    Reader,
    Walk,
    annotation,
    read_fields,
    told,
)

_DEEPEST_FRAME = 16  # between a callback and the method of the object that caused it


def _sequence(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    draft.name = own.get("name") or ""
    steps = [own["first"], *own["middle"], own["last"]]
    walk.add(draft, "steps", steps)


def _parallel(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    draft.name = own.get("name") or ""
    walk.add(draft, "steps", dict(own["steps__"]))


def _branch(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    draft.name = own.get("name") or ""
    for number, (condition, runnable) in enumerate(own["branches"]):
        walk.add(draft, f"branches[{number}].condition", condition)
        walk.add(draft, f"branches[{number}]", runnable)
    walk.add(draft, "default", own["default"])


def _binding(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    bound = dict(own)
    kwargs = dict(bound.pop("kwargs", None) or {})
    config = dict(bound.pop("config", None) or {})
    kept = {
        name: told(config[name])
        for name in ("run_name", "tags", "max_concurrency", "recursion_limit")
        if config.get(name)
    }
    draft.name = str(kept.get("run_name", ""))  # which its traces are called, too
    if kwargs:
        draft.parameters["kwargs"] = told(kwargs, 12)  # schemas of tools are deep
    if kept:
        draft.parameters["config"] = kept
    read_fields(walk, value, draft, bound)


def _function(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    function = own.get("func") or own.get("afunc")
    draft.name = own.get("name") or ""
    if function is not None:
        walk.add_function(draft, function)


def _message(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    draft.name = _role(value)
    if isinstance(value, MessagesPlaceholder):
        draft.name = "placeholder"
        draft.parameters["variable"] = own["variable_name"]
        if own.get("optional"):
            draft.parameters["optional"] = True
        return
    if isinstance(value, BaseMessage):
        draft.parameters["content"] = told(own["content"])
        return
    prompt = own.get("prompt")
    prompts = cast("list[Any]", prompt) if isinstance(prompt, list) else [prompt]
    templates = [told(walk.fields(one).get("template")) for one in prompts if one is not None]
    draft.parameters["template"] = templates[0] if len(templates) == 1 else templates


def _role(message: Any) -> str:
    if isinstance(message, BaseMessage):
        return str(message.__dict__.get("type") or type(message).__name__)
    name = type(message).__name__
    if name == "ChatMessagePromptTemplate":
        return str(message.__dict__.get("role", "chat"))
    word = name.removesuffix("MessagePromptTemplate").lower()
    return word or name


def _tool(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    draft.name = str(own.get("name") or "")
    draft.parameters["description"] = told(own.get("description"))
    schema = own.get("args_schema")
    if schema is not None:
        draft.parameters["arguments"] = _arguments(schema)
    function = own.get("func") or own.get("coroutine")
    if function is not None:
        walk.add_function(draft, function)
    kept = ("response_format", "return_direct", "handle_tool_error")
    draft.parameters.update({name: told(own[name]) for name in kept if own.get(name)})
    rest = {
        name: item for name, item in own.items() if name not in _TOOL_FIELDS and name not in kept
    }
    read_fields(walk, value, draft, rest)


_TOOL_FIELDS_NAMES = (
    "name description args_schema func coroutine verbose callbacks tags metadata extras "
    "handle_validation_error handle_tool_error"
)
_TOOL_FIELDS = frozenset(_TOOL_FIELDS_NAMES.split())


def _arguments(schema: Any) -> Any:
    """Return what a tool takes, by name; nothing of the user's is called for it."""
    if isinstance(schema, Mapping):
        return told(dict(cast("Mapping[str, Any]", schema)), 12)
    try:
        fields = type.__getattribute__(schema, "__pydantic_fields__")
    except (AttributeError, TypeError):
        return told(schema)
    return {name: _argument(field) for name, field in cast("dict[str, Any]", fields).items()}


def _argument(field: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": annotation(field.annotation)}
    if field.description:
        found["description"] = told(field.description)
    if not field.is_required():
        found["default"] = told(field.default)
    return found


def _graph(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    draft.name = str(own.get("name") or "")
    draft.role = "graph"
    nodes = cast("dict[str, Any]", own.get("nodes") or {})
    for name, node in nodes.items():
        if name != "__start__":
            bound = walk.fields(node).get("bound")
            if bound is not None:
                draft.parts.append(walk.component(bound, name, "node"))
    for name in ("interrupt_before_nodes", "interrupt_after_nodes", "step_timeout"):
        if own.get(name):
            draft.parameters[name] = told(own[name])
    for name in ("checkpointer", "store", "cache", "retry_policy"):
        if own.get(name):
            draft.parameters[name] = told(own[name])
    builder = own.get("builder")
    if builder is not None:
        draft.edges = _edges(walk.fields(builder))


def _edges(builder: Mapping[str, Any]) -> list[Edge]:
    found = {Edge(source, target) for source, target in builder.get("edges") or ()}
    for sources, target in builder.get("waiting_edges") or ():
        found |= {Edge(source, target, "waits for all") for source in sources}
    for source, branches in (builder.get("branches") or {}).items():
        for name, branch in branches.items():
            ends = getattr(branch, "ends", None)
            if ends:
                found |= {
                    Edge(source, target, str(key) if key != target else "if")
                    for key, target in ends.items()
                }
            else:
                found.add(Edge(source, "(chosen at run time)", str(name)))
    return sorted(found, key=lambda edge: (edge.source, edge.target, edge.label))


def _tool_node(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    draft.name = str(own.get("name") or "")
    for name in ("_tools_by_name", "tools_by_name"):
        tools = own.get(name)
        if isinstance(tools, dict):
            walk.add(draft, "tools", list(cast("dict[str, Any]", tools).values()))
            return


def _store(walk: Walk, value: Any, draft: Draft) -> None:
    """Read a vector store's settings and models; what it stores is no architecture."""
    for name, item in walk.fields(value).items():
        if not walk.add(draft, name.strip("_"), item) and type(item) in (bool, float, int, str):
            draft.parameters[name.strip("_")] = item


_ROLES: list[tuple[type, str]] = [
    (BaseLanguageModel, "llm"),
    (BaseMessagePromptTemplate, "prompt"),
    (MessagesPlaceholder, "prompt"),
    (BaseMessage, "prompt"),
    (BasePromptTemplate, "prompt"),
    (BaseOutputParser, "parser"),
    (BaseRetriever, "retriever"),
    (VectorStore, "store"),
    (Embeddings, "embedding"),
    (BaseTool, "tool"),
    (RunnableLambda, "function"),
    (Runnable, "chain"),
    (BaseDocumentTransformer, "step"),
]
_READERS: dict[type, Reader] = {
    RunnableSequence: _sequence,
    RunnableParallel: _parallel,
    RunnableBranch: _branch,
    RunnableBindingBase: _binding,
    RunnableLambda: _function,
    BaseMessagePromptTemplate: _message,
    MessagesPlaceholder: _message,
    BaseMessage: _message,
    BaseTool: _tool,
    VectorStore: _store,
}
_SKIPPED_NAMES = (
    "async_client cache i callback_manager callbacks client config_factories "
    "custom_get_token_ids custom_input_type custom_output_type http_async_client http_client "
    "input_types memory metadata output_parser partial_variables profile rate_limiter "
    "root_async_client root_client tags validate_template verbose wait_exponential_jitter "
    "lc_attributes"
)
_SKIPPED = frozenset(_SKIPPED_NAMES.split())
_LANGUAGE = Language(_ROLES, _READERS, _SKIPPED)
_met: set[str] = set()


def _meet_graphs() -> None:
    """Learn LangGraph's classes, once it is loaded."""
    known: tuple[tuple[str, str, Reader], ...] = (
        ("langgraph.pregel", "Pregel", _graph),
        ("langgraph._internal._runnable", "RunnableCallable", _function),
        ("langgraph.prebuilt.tool_node", "ToolNode", _tool_node),
    )
    for module, name, reader in known:
        cls = getattr(sys.modules.get(module), name, None)
        if isinstance(cls, type) and name not in _met:
            _met.add(name)
            _READERS[cls] = reader


def walk_langchain(value: Any) -> tuple[Component, Walk] | None:
    """Return the components of an object of LangChain or LangGraph."""
    _meet_graphs()
    if _LANGUAGE.role_of(value) is None:
        return None
    walk = Walk(_LANGUAGE)
    return walk.component(value), walk


def running_object(frame: FrameType | None) -> Any:
    """Return the object whose method caused the callback that runs in `frame`, if it is found.

    That is the first runnable that is somebody's `self`, or the binding around it.
    """
    found: Any = None
    for _ in range(_DEEPEST_FRAME):
        if frame is None:
            break
        code = frame.f_code
        if code.co_argcount and code.co_varnames[0] == "self":
            owner = frame.f_locals.get("self")
            if found is None and issubclass(type(owner), Runnable):
                found = owner
            elif found is not None and issubclass(type(owner), RunnableBindingBase):
                if owner.__dict__.get("bound") is found:
                    found = owner
            elif found is not None and owner is not found:
                break
        frame = frame.f_back
    return found
