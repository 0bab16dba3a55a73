"""What goes into a step and what comes out of it, for each role."""

from collections.abc import Callable, Mapping
from typing import Any

from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle
from llama_index.core.tools import ToolOutput
from workflows import Context

from spanbook_llama_index.plans import Role
from spanbook_llama_index.values import result_of, scored, source

Arguments = Mapping[str, Any]
_STREAMING = (StreamingResponse, AsyncStreamingResponse)


def _asks(arguments: Arguments) -> Any:
    """Return the question, without the vector that LlamaIndex puts into it while it runs."""
    for key in ("str_or_query_bundle", "query_bundle", "query", "query_str"):
        if key in arguments:
            asked = arguments[key]
            return asked.query_str if isinstance(asked, QueryBundle) else asked
    return None


def _question(arguments: Arguments) -> Any:
    return {"query": _asks(arguments)}


def _texts(arguments: Arguments) -> Any:
    for key in ("query", "text", "img_file_path"):
        if key in arguments:
            return {"count": 1, "texts": [arguments[key]]}
    given = arguments.get("texts", arguments.get("img_file_paths")) or ()
    return {"count": len(given), "texts": given}


def _nodes_asked(arguments: Arguments) -> Any:
    return {"query": _asks(arguments), "documents": _all(arguments.get("nodes"), scored)}


def _nodes_used(arguments: Arguments) -> Any:
    """Return the question and which nodes answer it: their texts stand with the retriever."""
    if "nodes" in arguments:
        return {"query": _asks(arguments), "sources": _all(arguments["nodes"], source)}
    return {"query": _asks(arguments), "text_chunks": arguments.get("text_chunks")}


def _all(nodes: Any, convert: Callable[[NodeWithScore], Any]) -> list[Any]:
    return [convert(one) if isinstance(one, NodeWithScore) else one for one in nodes or ()]


def _message(arguments: Arguments) -> Any:
    history = arguments.get("chat_history")
    made = {"message": arguments.get("message")}
    return {**made, "history": history} if history else made


def _counted(arguments: Arguments) -> Any:
    given = arguments.get("nodes", arguments.get("documents")) or ()
    return {"count": len(given)}


def _started(arguments: Arguments) -> Any:
    return arguments.get("start_event")


def _event(arguments: Arguments) -> Any:
    given = _open(arguments)
    return next(iter(given.values())) if len(given) == 1 else given


def _open(arguments: Arguments) -> dict[str, Any]:
    """Return arguments without what the framework adds to them."""
    return {key: item for key, item in arguments.items() if not isinstance(item, Context)}


def _setup(arguments: Arguments) -> Any:
    return {"messages": getattr(arguments.get("ev"), "input", None)}


INPUTS: dict[Role, Callable[[Arguments], Any]] = {
    Role.EMBEDDING: _texts,
    Role.RETRIEVER: _question,
    Role.POSTPROCESSOR: _nodes_asked,
    Role.SYNTHESIZER: _nodes_used,
    Role.ENGINE: _question,
    Role.CHAT: _message,
    Role.TOOL: _open,
    Role.NODES: _counted,
    Role.RUN: _started,
    Role.STEP: _event,
    Role.AGENT_STEP: _setup,
    Role.STRUCTURED: _open,
    Role.PROGRAM: _open,
    Role.OTHER: _open,
}


def documents(result: Any) -> dict[str, Any]:
    """Return nodes that were found as documents, in their order."""
    return {"documents": _all(result, scored)}


def answer(result: Any) -> Any:
    """Return an answer. One that streams is told when it has been read."""
    if isinstance(result, _STREAMING):
        return {"response": None, "sources": _all(result.source_nodes, source)}
    return {"response": result} if isinstance(result, str) else result


def _tool_said(result: Any) -> Any:
    if isinstance(result, ToolOutput):
        return result.content if result.content or not result.blocks else result.blocks
    return result


def _number(result: Any) -> Any:
    return {"count": len(result)} if isinstance(result, (list, tuple)) else result


OUTPUTS: dict[Role, Callable[[Any], Any]] = {
    Role.RETRIEVER: documents,
    Role.POSTPROCESSOR: documents,
    Role.SYNTHESIZER: answer,
    Role.ENGINE: answer,
    Role.TOOL: _tool_said,
    Role.NODES: _number,
    Role.RUN: result_of,
}


def counts(given: Any, result: Any) -> dict[str, Any]:
    """Return how many documents and nodes went into a step and came out."""
    before = [one for one in given or () if isinstance(one, BaseNode)]
    after = result if isinstance(result, (list, tuple)) else ()
    return {"num_documents": len(before), "num_nodes": len(after)}


def vectors(result: Any, *, is_one: bool, keep: bool) -> dict[str, Any]:
    """Return how many vectors an embedding gave and how long they are; themselves if asked."""
    found = [result] if is_one else list(result or ())
    made: dict[str, Any] = {"count": len(found)}
    if found and isinstance(found[0], (list, tuple)):
        made["dimension"] = len(found[0])
    return {**made, "vectors": found} if keep else made
