"""What each of LlamaIndex's own spans becomes: a span of some kind, or no span of its own.

LlamaIndex opens a span for every public step, and more for the private ones below it. A step that
is not recorded passes its place on: what it starts stands below the nearest recorded one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any
from weakref import WeakKeyDictionary

from llama_index.core.agent.workflow import AgentWorkflow
from llama_index.core.agent.workflow.base_agent import BaseWorkflowAgent
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.base_selector import BaseSelector
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.embeddings.base_sparse import BaseSparseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.chat_engine.types import BaseChatEngine, StreamingAgentChatResponse
from llama_index.core.image_retriever import BaseImageRetriever
from llama_index.core.indices.query.query_transform.base import BaseQueryTransform
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.node_parser import NodeParser
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.question_gen.types import BaseQuestionGenerator
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import TransformComponent
from llama_index.core.tools import BaseTool
from llama_index.core.types import BaseOutputParser, BasePydanticProgram
from workflows import Workflow

from spanbook.spans import SpanKind
from spanbook_llama_index.asked import provider_of


class Role(Enum):
    """What a step means to the translator, which reads each in its own way."""

    SILENT = auto()  # no span of its own
    TEMPLATE = auto()  # silent; makes the prompt for the model below it
    WRITER = auto()  # silent; writes the answer of a chat engine that streams
    TOOL_STEP = auto()  # silent; the step of an agent that calls a tool
    MODEL = auto()
    STRUCTURED = auto()
    PROGRAM = auto()
    EMBEDDING = auto()
    RETRIEVER = auto()
    POSTPROCESSOR = auto()
    SYNTHESIZER = auto()
    ENGINE = auto()
    CHAT = auto()
    TOOL = auto()
    NODES = auto()
    RUN = auto()
    AGENT_STEP = auto()
    STEP = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a step is recorded. `kind` is None where it has no span of its own.

    `is_team`: agents hand over to each other in it.
    """

    role: Role
    kind: SpanKind | None = None
    name: str = ""
    provider: str | None = None
    is_team: bool = False


SILENT = Plan(Role.SILENT)
DELEGATE = Plan(Role.MODEL)  # a model's call of itself, as `achat` calls `chat`
PART = Plan(Role.PROGRAM)  # of a program that gets an object out of a model


def _both(*names: str) -> frozenset[str]:
    """Return `names` and those of the same methods for async code."""
    return frozenset((*names, *(f"a{name}" for name in names)))


@dataclass(frozen=True, slots=True)
class Family:
    """Components of one base class: `methods` are recorded, all others are silent."""

    base: type
    role: Role
    kind: SpanKind | None
    methods: frozenset[str]
    shows_method: bool = False


_EMBEDDED = tuple(
    f"get_{what}" for what in ("query_embedding", "text_embedding", "text_embedding_batch")
)
_PICTURES = ("get_image_embedding", "get_image_embedding_batch")

# The first row of a class that names the method is taken; where none does, the step is silent.
FAMILIES = (
    Family(StructuredLLM, Role.STRUCTURED, SpanKind.CHAIN, _both("chat", "complete")),
    Family(
        BaseLLM,
        Role.MODEL,
        SpanKind.LLM,
        _both("chat", "complete", "stream_chat", "stream_complete"),
    ),
    Family(BaseLLM, Role.TEMPLATE, None, _both("predict", "stream")),
    Family(
        BaseLLM,
        Role.STRUCTURED,
        SpanKind.CHAIN,
        _both("structured_predict", "stream_structured_predict", "predict_and_call"),
        shows_method=True,
    ),
    Family(BaseEmbedding, Role.EMBEDDING, SpanKind.EMBEDDING, _both(*_EMBEDDED, *_PICTURES)),
    Family(BaseEmbedding, Role.SILENT, None, frozenset({"__call__"})),
    Family(BaseSparseEmbedding, Role.EMBEDDING, SpanKind.EMBEDDING, _both(*_EMBEDDED)),
    Family(BaseRetriever, Role.RETRIEVER, SpanKind.RETRIEVER, _both("retrieve")),
    Family(
        BaseImageRetriever,
        Role.RETRIEVER,
        SpanKind.RETRIEVER,
        _both("text_to_image_retrieve", "image_to_image_retrieve"),
    ),
    Family(
        BaseNodePostprocessor,
        Role.POSTPROCESSOR,
        SpanKind.STEP,
        frozenset({"_postprocess_nodes", "_apostprocess_nodes"}),
    ),
    Family(
        BaseSynthesizer,
        Role.SYNTHESIZER,
        SpanKind.SYNTHESIZER,
        _both("synthesize", "get_response"),
    ),
    Family(BaseQueryEngine, Role.ENGINE, SpanKind.CHAIN, _both("query")),
    Family(BaseChatEngine, Role.CHAT, SpanKind.CHAIN, _both("chat", "stream_chat")),
    Family(
        StreamingAgentChatResponse,
        Role.WRITER,
        None,
        _both("write_response_to_history"),
    ),
    Family(BaseTool, Role.TOOL, SpanKind.TOOL, frozenset({"__call__", "call", "acall"})),
    Family(BaseOutputParser, Role.OTHER, SpanKind.PARSER, frozenset({"parse"})),
    Family(
        BaseSelector,
        Role.OTHER,
        SpanKind.CHAIN,
        frozenset({"_select", "_aselect"}),
    ),
    Family(BaseQuestionGenerator, Role.OTHER, SpanKind.CHAIN, _both("generate")),
    Family(
        BasePydanticProgram,
        Role.PROGRAM,
        SpanKind.CHAIN,
        frozenset({"__call__", "acall", "stream_call", "astream_call"}),
    ),
    Family(BaseQueryTransform, Role.OTHER, SpanKind.CHAIN, frozenset({"_run"})),
    Family(
        NodeParser,
        Role.NODES,
        SpanKind.STEP,
        frozenset({"__call__", "_parse_nodes", "_aparse_nodes"}),
    ),
    Family(IngestionPipeline, Role.NODES, SpanKind.CHAIN, _both("run")),
    Family(TransformComponent, Role.NODES, SpanKind.STEP, frozenset({"__call__", "aextract"})),
    Family(Workflow, Role.RUN, SpanKind.CHAIN, frozenset({"run"})),
)

# Steps that every agent has: what they do shows in the models and tools that they call.
_AGENT_STEPS = {
    "init_run": SILENT,
    "setup_agent": SILENT,
    "run_agent_step": Plan(Role.AGENT_STEP, SpanKind.AGENT),
    "parse_agent_output": SILENT,
    "call_tool": Plan(Role.TOOL_STEP),
    "aggregate_tool_results": SILENT,
}
_AGENTS = ("AgentWorkflow", "BaseWorkflowAgent")
_PLUMBING = ("run_jobs",)  # functions of LlamaIndex that only pass work on
_INPUT_EVENT = "llamaindex.step.input_event"


class Plans:
    """The plans of all steps met so far, without the kinds that are ignored."""

    def __init__(self, ignore: Iterable[SpanKind] = ()) -> None:
        self._ignored = frozenset(ignore)
        self._methods: WeakKeyDictionary[type, dict[str, Plan]] = WeakKeyDictionary()
        self._functions: dict[str, Plan] = {}

    def of_method(self, cls: type, name: str) -> Plan:
        """Return the plan of a step whose span is `name`, the class and the method of it."""
        plans = self._methods.get(cls)
        if plans is None:
            plans = self._methods[cls] = {}
        plan = plans.get(name)
        if plan is None:
            plan = plans[name] = self._kept(_method(cls, name))
        return plan

    def of_function(self, name: str) -> Plan:
        """Return the plan of a function of somebody else's."""
        plan = self._functions.get(name)
        if plan is None:
            is_plumbing = name.partition(".")[0] in _PLUMBING
            plan = SILENT if is_plumbing else Plan(Role.OTHER, SpanKind.STEP, name)
            plan = self._kept(plan)
            if len(self._functions) < 1_000:
                self._functions[name] = plan
        return plan

    def of_step(self, name: str, in_team: bool) -> Plan:
        """Return the plan of a workflow's step; agents work in a team or alone."""
        owner, _, method = name.rpartition(".")
        plan = _AGENT_STEPS.get(method) if owner in _AGENTS else None
        if plan is None:
            plan = Plan(Role.STEP, SpanKind.STEP, method)
        elif plan.role is Role.AGENT_STEP and not in_team:
            plan = SILENT
        return self._kept(plan)

    def ignores(self, kind: SpanKind) -> bool:
        """Say whether spans of `kind` are left out."""
        return kind in self._ignored

    def _kept(self, plan: Plan) -> Plan:
        return replace(plan, kind=None) if plan.kind in self._ignored else plan


def is_step(tags: Any) -> bool:
    """Say whether these are the tags of a workflow's step, or of something inside one."""
    return bool(tags) and _INPUT_EVENT in tags


def _method(cls: type, name: str) -> Plan:
    method = name.rpartition(".")[2]
    for family in FAMILIES:
        if issubclass(cls, family.base) and method in family.methods:
            return _plan(cls, family, method)
    return SILENT if _is_theirs(cls, method) else Plan(Role.OTHER, SpanKind.STEP, name)


def _is_theirs(cls: type, method: str) -> bool:
    """Say whether LlamaIndex made this method a span; else the program itself did."""
    return any(
        method in vars(base)
        for base in cls.__mro__
        if base.__module__.partition(".")[0] in ("llama_index", "workflows")
    )


def _plan(cls: type, family: Family, method: str) -> Plan:
    kind, name = family.kind, cls.__name__
    if family.shows_method:
        name = f"{name}.{method[1:] if method[0] == 'a' else method}"
    if family.role is Role.POSTPROCESSOR and "rerank" in name.lower():
        kind = SpanKind.RERANKER
    if family.base is Workflow and issubclass(cls, (AgentWorkflow, BaseWorkflowAgent)):
        kind = SpanKind.AGENT
    is_team = family.base is Workflow and issubclass(cls, AgentWorkflow)
    return Plan(family.role, kind, name, provider_of(cls), is_team)
