"""LlamaIndex's objects as components of an architecture."""

from typing import Any

from llama_index.core.agent.workflow.base_agent import BaseWorkflowAgent
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.base_selector import BaseSelector
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.indices.base import BaseIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory.types import BaseMemory
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.question_gen.types import BaseQuestionGenerator
from llama_index.core.response_synthesizers.base import BaseSynthesizer
from llama_index.core.schema import TransformComponent
from llama_index.core.storage.docstore.types import BaseDocumentStore
from llama_index.core.tools import BaseTool
from llama_index.core.vector_stores.types import BasePydanticVectorStore
from workflows import Workflow

from spanbook.architecture.component import Component, Edge
from spanbook.architecture.describing import walkers
from spanbook.architecture.walk import Draft, Language, Reader, Walk, annotation, read_fields, told

_ROLES: list[tuple[type, str]] = [
    (BaseLLM, "llm"),
    (BaseEmbedding, "embedding"),
    (BaseRetriever, "retriever"),
    (BaseNodePostprocessor, "reranker"),
    (BaseSynthesizer, "synthesizer"),
    (BasePromptTemplate, "prompt"),
    (BaseTool, "tool"),
    (BaseWorkflowAgent, "agent"),
    (Workflow, "graph"),
    (BaseQueryEngine, "chain"),
    (BaseChatEngine, "chain"),
    (BaseIndex, "store"),
    (BasePydanticVectorStore, "store"),
    (BaseDocumentStore, "store"),
    (BaseMemory, "memory"),
    (BaseQuestionGenerator, "step"),
    (BaseSelector, "step"),
    (IngestionPipeline, "chain"),
    (TransformComponent, "step"),
]


def _prompt(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    template = own.get("template") or own.get("template_str")
    if template is None and own.get("message_templates"):
        template = [_message(walk, message) for message in own["message_templates"]]
    if template is not None:
        draft.parameters["template"] = told(template)
    walk.add(draft, "default", own.get("default_template"))


def _message(walk: Walk, message: Any) -> dict[str, Any]:
    own = walk.fields(message)
    blocks = own.get("blocks") or ()
    texts = [walk.fields(block).get("text") for block in blocks]
    return {"role": told(own.get("role")), "template": told([text for text in texts if text])}


def _tool(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    about = walk.fields(own.get("_metadata") or own.get("metadata"))
    draft.name = str(about.get("name") or "")
    draft.parameters["description"] = told(about.get("description"))
    fields = getattr(about.get("fn_schema"), "__pydantic_fields__", None)
    if isinstance(fields, dict):
        draft.parameters["arguments"] = {
            str(name): annotation(field.annotation) for name, field in fields.items()
        }
    function = own.get("_real_fn") or own.get("_fn") or own.get("_async_fn")
    if function is not None:
        draft.parameters["function"] = told(function)
    for name, item in own.items():
        walk.add(draft, name.strip("_"), item)


def _store(walk: Walk, value: Any, draft: Draft) -> None:
    """Read a store's settings and parts; what it stores is no architecture."""
    for name, item in walk.fields(value).items():
        if name in _SKIPPED or walk.add(draft, name.strip("_"), item):
            continue
        if type(item) in (bool, float, int, str) and not name.startswith("_"):
            draft.parameters[name] = item


def _private(walk: Walk, value: Any, draft: Draft) -> None:
    """Read an engine or retriever, which keeps its settings private."""
    own = walk.fields(value)
    plain = {
        name.strip("_"): item
        for name, item in own.items()
        if name not in _SKIPPED
        and (not name.startswith("_") or type(item) in _SIMPLE or walk.language.role_of(item))
    }
    read_fields(walk, value, draft, plain)
    for name, item in own.items():  # lists of components
        if name.startswith("_") and type(item) in (list, tuple, dict):
            walk.add(draft, name.strip("_"), item)


def _workflow(walk: Walk, value: Any, draft: Draft) -> None:
    own = walk.fields(value)
    read_fields(walk, value, draft, {k: v for k, v in own.items() if k not in _RUNTIME})
    for name in ("output_cls", "structured_output_fn"):
        draft.parameters.pop(name, None)
        if own.get(name) is not None:
            draft.parameters[name] = told(own[name])
    if not type(value).__module__.startswith("llama_index."):
        _steps(type(value), draft)


def _steps(cls: type, draft: Draft) -> None:
    """Add the steps of a program's own workflow, and which event leads from one to another."""
    steps = {
        name: vars(function)["_step_config"]
        for base in reversed(cls.__mro__)
        for name, function in vars(base).items()
        if "_step_config" in getattr(function, "__dict__", ())
    }
    for name, step in steps.items():
        takes = [annotation(event) for event in step.accepted_events]
        gives = [annotation(event) for event in step.return_types]
        parameters = {"accepts": takes, "returns": gives, "workers": step.num_workers}
        draft.parts.append(
            Component("step", f"{cls.__module__}.{cls.__qualname__}.{name}", name, name, parameters)
        )
        draft.edges += [
            Edge(name, other, event)
            for other, after in steps.items()
            for event in gives
            if event in [annotation(accepted) for accepted in after.accepted_events]
        ]


_RUNTIME = frozenset({"_runtime", "_workflow_name", "_resource_manager", "runtime", "verbose"})
_SIMPLE = (bool, float, int, str)
_READERS: dict[type, Reader] = {
    BasePromptTemplate: _prompt,
    BaseTool: _tool,
    BaseIndex: _store,
    BasePydanticVectorStore: _store,
    BaseDocumentStore: _store,
    BaseMemory: _store,
    BaseQueryEngine: _private,
    BaseChatEngine: _private,
    BaseRetriever: _private,
    BaseSynthesizer: _private,
    Workflow: _workflow,
}
_SKIPPED_NAMES = (
    "_callback_manager _verbose _show_progress callback_manager client _client aclient "
    "_aclient _http_client _async_http_client class_type id_ messages_to_prompt "
    "completion_to_prompt metadata object_map rate_limiter show_progress tokenizer verbose "
    "_index_struct _objects _chat_history"
)
_SKIPPED = frozenset(_SKIPPED_NAMES.split())
_LANGUAGE = Language(_ROLES, _READERS, _SKIPPED)


def walk_llama_index(value: Any) -> tuple[Component, Walk] | None:
    """Return the components of an object of LlamaIndex."""
    if _LANGUAGE.role_of(value) is None:
        return None
    walk = Walk(_LANGUAGE)
    return walk.component(value), walk


if walk_llama_index not in walkers:
    walkers.append(walk_llama_index)
