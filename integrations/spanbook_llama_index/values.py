"""LlamaIndex's values as plain data: messages, nodes, queries, responses, events, components."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.base.response.schema import (
    AsyncStreamingResponse,
    PydanticResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.chat_engine.types import AgentChatResponse, StreamingAgentChatResponse
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.schema import BaseComponent, BaseNode, NodeWithScore, QueryBundle
from llama_index.core.tools import BaseTool, ToolOutput, ToolSelection
from workflows import Context
from workflows.events import Event, StopEvent

from spanbook import placeholders
from spanbook.gate.plain import register
from spanbook.placeholders import Ready

# -- messages -------------------------------------------------------------------------------------


def message(value: ChatMessage) -> dict[str, Any]:
    """Return a message: its role, its text or parts, the tools that it calls."""
    given = value.__dict__
    extra = given.get("additional_kwargs") or {}
    role = given.get("role")
    blocks = given.get("blocks") or ()
    calls = [_call(block) for block in blocks if isinstance(block, ToolCallBlock)]
    made: dict[str, Any] = {"role": getattr(role, "value", role), "content": _content(blocks)}
    if extra:
        calls = calls or [_asked(call) for call in extra.get("tool_calls") or ()]
        for key in ("tool_call_id", "name"):
            if isinstance(extra.get(key), str):
                made[key] = extra[key]
    if calls:
        made["tool_calls"] = calls
    return made


def _content(blocks: Sequence[Any]) -> Any:
    if len(blocks) == 1 and type(blocks[0]) is TextBlock:
        return blocks[0].text
    found = [_part(block) for block in blocks if not isinstance(block, ToolCallBlock)]
    return found or None


def _part(block: Any) -> Any:
    convert = PARTS.get(type(block))
    return block if convert is None else convert(block.__dict__)


def _text(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": given.get("text")}


def _reasoning(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "reasoning", "text": given.get("content") or ""}


def _image(given: Mapping[str, Any]) -> dict[str, Any]:
    return _media("image", given, given.get("image"), given.get("image_mimetype"))


def _audio(given: Mapping[str, Any]) -> dict[str, Any]:
    form = given.get("format")
    return _media("audio", given, given.get("audio"), f"audio/{form}" if form else None)


def _document(given: Mapping[str, Any]) -> dict[str, Any]:
    made = _media("file", given, given.get("data"), given.get("document_mimetype"))
    return made if given.get("title") is None else {**made, "title": given["title"]}


def _media(kind: str, given: Mapping[str, Any], content: Any, form: str | None) -> dict[str, Any]:
    if isinstance(content, bytes) and content:  # LlamaIndex holds base64 in bytes
        data = content.decode("ascii", "replace")
        return {"type": kind, "media": f"data:{form or 'application/octet-stream'};base64,{data}"}
    where = given.get("url") or given.get("path")
    return {"type": kind} if where is None else {"type": kind, "url": str(where)}


PARTS: dict[type, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    TextBlock: _text,
    ThinkingBlock: _reasoning,
    ImageBlock: _image,
    AudioBlock: _audio,
    DocumentBlock: _document,
}


def _call(block: ToolCallBlock) -> dict[str, Any]:
    return {"id": block.tool_call_id, "name": block.tool_name, "arguments": block.tool_kwargs}


def _asked(call: Any) -> Any:
    """Return a tool call as older integrations keep it: in the provider's own object or dict."""
    if isinstance(call, ToolSelection):
        return selection(call)
    own = call if isinstance(call, dict) else getattr(call, "__dict__", {})
    function = own.get("function")
    inner = function if isinstance(function, dict) else getattr(function, "__dict__", own)
    return {
        "id": own.get("id"),
        "name": inner.get("name"),
        "arguments": inner.get("arguments", inner.get("input")),
    }


def chat_response(value: ChatResponse) -> dict[str, Any]:
    """Return the message that a model answered; the provider's own object is left out."""
    return {"messages": [value.message]}


def completion_response(value: CompletionResponse) -> dict[str, Any]:
    """Return the text that a model answered."""
    return {"text": value.text}


# -- nodes, queries, responses --------------------------------------------------------------------


def node(value: BaseNode) -> dict[str, Any]:
    """Return a node as a document: never its vector, nor its relations."""
    return {
        "id": value.node_id,
        "text": text_of(value),
        "metadata": value.__dict__.get("metadata") or {},
    }


def text_of(value: BaseNode) -> Any:
    """Return the text of a node as it is kept, without its metadata."""
    own = value.__dict__
    if "text" in own:
        return own["text"]
    resource = own.get("text_resource")
    return None if resource is None else resource.text


def scored(value: NodeWithScore) -> dict[str, Any]:
    """Return a node that was found, with its score."""
    found = value.node
    if not isinstance(found, BaseNode):
        return {"id": None, "score": value.score}
    made = node(found)
    return {"id": made["id"], "score": value.score, **made}


def source(value: NodeWithScore) -> dict[str, Any]:
    """Return where a node is to be found: its text stands with the retriever."""
    return {"id": value.node.node_id, "score": value.score}


def query(value: QueryBundle) -> dict[str, Any]:
    """Return what is asked. The vector of a query is put into it while it runs."""
    made: dict[str, Any] = {"query": value.query_str}
    if value.custom_embedding_strs:
        made["embedded"] = value.custom_embedding_strs
    return made


def response(value: Response | PydanticResponse) -> dict[str, Any]:
    """Return an answer with the nodes that it rests on."""
    own = value.__dict__  # PydanticResponse has an answer to any attribute
    return {"response": own.get("response"), "sources": sources(own.get("source_nodes"))}


def streaming_response(value: StreamingResponse | AsyncStreamingResponse) -> dict[str, Any]:
    """Return what is known of an answer that nobody has read: reading it would use it up."""
    own = value.__dict__
    return {"response": own.get("response_txt"), "sources": sources(own.get("source_nodes"))}


def chat_answer(value: AgentChatResponse | StreamingAgentChatResponse) -> dict[str, Any]:
    """Return the answer of a chat engine."""
    own = value.__dict__
    return {"response": own.get("response"), "sources": sources(own.get("source_nodes"))}


def sources(nodes: Any) -> list[Any]:
    """Return the ids and scores of nodes."""
    return [source(one) for one in nodes or () if isinstance(one, NodeWithScore)]


# -- tools, workflows, components -----------------------------------------------------------------


def selection(value: ToolSelection) -> dict[str, Any]:
    """Return a model's wish to call a tool."""
    return {"id": value.tool_id, "name": value.tool_name, "arguments": value.tool_kwargs}


def tool_output(value: ToolOutput) -> dict[str, Any]:
    """Return what a tool gave, as the model is told."""
    made: dict[str, Any] = {"tool": value.tool_name, "content": _content(value.blocks)}
    return {**made, "is_error": True} if value.is_error else made


def event(value: Event) -> dict[str, Any]:
    """Return the fields of a workflow's event, declared or not, under the name of its class."""
    declared = type(value).model_fields
    fields = {
        name: item
        for name, item in value.__dict__.items()
        if item is not None and not (name in declared and declared[name].exclude)
    }
    made = {"event": type(value).__name__, **fields, **(_private(value, "_data") or {})}
    return made if _private(value, "_result") is None else {**made, "result": value.result}  # pyright: ignore[reportAttributeAccessIssue]  # a StopEvent's


def result_of(value: Any) -> Any:
    """Return what a workflow answered: what its last event carries, or that event."""
    if isinstance(value, StopEvent):
        return value if value.result is None and type(value) is not StopEvent else value.result
    return value


def _private(value: Event, name: str) -> Any:
    return (value.__pydantic_private__ or {}).get(name)


def component(value: Any) -> Ready:
    """Stand for a part of the program, which may hold keys: its class is all that is kept."""
    return Ready(placeholders.unread(value))


def prompt(value: BasePromptTemplate) -> dict[str, Any]:
    """Return a prompt as its template."""
    return {"template": template_of(value)}


def template_of(value: Any) -> Any:
    """Return the text of a template, by role where it has several messages; None without any."""
    if isinstance(value, str):
        return value
    own = getattr(value, "__dict__", {})
    for key in ("template_str", "template"):
        if isinstance(own.get(key), str):
            return own[key]
    messages = own.get("message_templates")
    if isinstance(messages, list):
        return [message(one) for one in messages]
    return template_of(own["default_template"]) if "default_template" in own else None


for _cls, _convert in (
    (ChatMessage, message),
    (ChatResponse, chat_response),
    (CompletionResponse, completion_response),
    (BaseNode, node),
    (NodeWithScore, scored),
    (QueryBundle, query),
    (Response, response),
    (PydanticResponse, response),
    (StreamingResponse, streaming_response),
    (AsyncStreamingResponse, streaming_response),
    (AgentChatResponse, chat_answer),
    (StreamingAgentChatResponse, chat_answer),
    (ToolSelection, selection),
    (ToolOutput, tool_output),
    (Event, event),
    (BasePromptTemplate, prompt),
    (BaseComponent, component),
    (BaseTool, component),
    (CallbackManager, component),
    (Context, component),
):
    register(_cls, _convert)
