"""Opening a span for a step: what it is called, what it is given, what its tags say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spanbook.recording.recorder import MISSING
from spanbook_llama_index.asked import Template, asked, flat, model_of, parameters
from spanbook_llama_index.frames import Frame
from spanbook_llama_index.given import INPUTS
from spanbook_llama_index.plans import Role

_OURS = "llamaindex."  # the workflow runtime's own tags hold the repr of whatever is passed on
_TRACE = {
    "session": "session",
    "session_id": "session",
    "user": "user",
    "user_id": "user",
    "tags": "tags",
}
_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Opening:
    """What is known of a step when it begins."""

    name: str | None = None
    input: Any = MISSING
    model: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    context: dict[str, Any] | None = None


def opening(
    frame: Frame,
    instance: Any,
    arguments: Mapping[str, Any],
    tags: Mapping[str, Any] | None,
    above: Frame | None,
) -> Opening:
    """Return what is known of the step that `frame` stands for."""
    made = Opening()
    role, given = frame.plan.role, flat(arguments)
    if role is Role.MODEL:
        _model(made, frame, instance, given)
    else:
        _MORE.get(role, _nothing)(made, frame, instance, given)
        made.input = INPUTS[role](given)
    if tags:
        _tags(made, frame, tags, above)
    return made


def _model(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    own = vars(instance)
    made.input = asked(given)
    made.model = model_of(own, given)
    chosen = parameters(own, given)
    if chosen:
        made.attributes["parameters"] = chosen
    up = frame.up
    if up is not None:
        up.has_asked = True
        if up.template is not None:
            made.attributes.update(up.template.attributes())


def _nothing(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    pass


def _structured(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    if "prompt" in given:
        frame.template = Template(given["prompt"], given.get("prompt_args"), instance)


def _program(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    own = vars(instance)
    frame.template = Template(own.get("_prompt"), given, own.get("_llm"))


def _embedding(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    own = vars(instance)
    made.model = model_of(own)
    count, size = len(given.get("texts") or (None,)), own.get("embed_batch_size")
    made.attributes["num_chunks"] = count
    if isinstance(size, int) and size > 0:
        made.attributes["num_batches"] = -(-count // size)


def _retriever(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    top = vars(instance).get("_similarity_top_k")
    if isinstance(top, int):
        made.attributes["top_k"] = top


def _postprocessor(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    own = given if instance is None else vars(instance)
    for key in ("top_n", "similarity_cutoff"):
        if isinstance(own.get(key), (int, float)):
            made.attributes[key] = own[key]
    made.model = model_of(own)


def _tool(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    about = instance.metadata
    made.name = about.name or frame.plan.name
    if about.description:
        made.attributes["description"] = about.description
    if frame.up is not None and frame.up.tool_call is not None:
        made.attributes["tool_call_id"] = frame.up.tool_call


def _run(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    name = vars(instance).get("name")
    if isinstance(name, str) and name and name != "Agent":
        made.name = name


def _agent_step(made: Opening, frame: Frame, instance: Any, given: Mapping[str, Any]) -> None:
    made.name = getattr(given.get("ev"), "current_agent_name", None) or "agent"


_MORE = {
    Role.STRUCTURED: _structured,
    Role.PROGRAM: _program,
    Role.EMBEDDING: _embedding,
    Role.RETRIEVER: _retriever,
    Role.POSTPROCESSOR: _postprocessor,
    Role.TOOL: _tool,
    Role.RUN: _run,
    Role.AGENT_STEP: _agent_step,
}


def _tags(made: Opening, frame: Frame, tags: Mapping[str, Any], above: Frame | None) -> None:
    """Take the program's own tags, which every step inside inherits, where they are new."""
    own = {key: item for key, item in tags.items() if not key.startswith(_OURS)}
    frame.tags = own
    if not own or (above is not None and above.tags == own):
        return
    if above is None:
        context = {_TRACE[key]: item for key, item in own.items() if key in _TRACE}
        metadata = {key: item for key, item in own.items() if key not in _TRACE}
        made.context = {**context, "metadata": metadata} if metadata else context
    else:
        made.attributes["metadata"] = own
