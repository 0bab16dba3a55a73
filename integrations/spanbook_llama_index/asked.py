"""A model call as it is made: its messages or prompt, its model, its parameters, its tools."""

from collections.abc import Mapping
from typing import Any

from llama_index.core.prompts import SelectorPromptTemplate
from llama_index.core.tools import BaseTool

from spanbook import placeholders
from spanbook.placeholders import Ready
from spanbook_llama_index.values import template_of

PARAMETERS = frozenset(
    {
        "candidate_count",
        "frequency_penalty",
        "logprobs",
        "max_completion_tokens",
        "max_new_tokens",
        "max_output_tokens",
        "max_tokens",
        "n",
        "num_ctx",
        "num_output",
        "num_predict",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "repetition_penalty",
        "seed",
        "service_tier",
        "stop",
        "stop_sequences",
        "temperature",
        "thinking_budget",
        "tool_choice",
        "top_k",
        "top_logprobs",
        "top_p",
        "verbosity",
    }
)
_MODELS = ("model", "model_name", "model_id", "deployment_name", "azure_deployment", "engine")
_LONGEST = 1_000  # characters of a prompt's variable: the messages say the rest
_NOTHING: Mapping[str, Any] = {}


def flat(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments of a call with those that a wrapper passes on in their places.

    LlamaIndex binds them to the signatures of its own wrappers, `(*args, **kwargs)` mostly.
    """
    inner = arguments.get("kwargs")
    if not isinstance(inner, dict):
        return arguments
    return {**{key: item for key, item in arguments.items() if key != "kwargs"}, **inner}


def asked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model is asked: messages or a prompt, and the tools that are offered."""
    made: dict[str, Any] = {}
    if "messages" in arguments:
        made["messages"] = list(arguments["messages"])
    else:
        args = arguments.get("args") or (None,)
        made["prompt"] = arguments.get("prompt", args[0])
    tools = arguments.get("tools")
    if isinstance(tools, (list, tuple)) and tools:
        made["tools"] = [_tool(tool) for tool in tools]
    return made


def _tool(tool: Any) -> Any:
    if isinstance(tool, BaseTool):
        about = tool.metadata
        return {"name": about.name, "description": about.description}
    if isinstance(tool, dict) and isinstance(tool.get("function"), dict):
        return tool["function"]
    return tool


def parameters(own: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a call: those on the list only, as others may be secret."""
    return {
        key: given[key]
        for given in (own, arguments)
        for key in PARAMETERS & given.keys()
        if given[key] is not None
    }


def model_of(own: Mapping[str, Any], arguments: Mapping[str, Any] = _NOTHING) -> str | None:
    """Return the model that is asked, as the component or the call names it."""
    for given in (arguments, own):
        for key in _MODELS:
            if isinstance(given.get(key), str) and given[key] not in ("", "unknown"):
                return given[key]
    return None


def provider_of(cls: type) -> str | None:
    """Return who is asked, by the package that a component comes from."""
    kept = ("llama_index.llms.", "llama_index.embeddings.")
    module = cls.__module__
    return module.split(".")[2] if module.startswith(kept) else None


class Template:
    """The prompt that a call is made from, and its variables, until its model is asked."""

    __slots__ = ("_llm", "_prompt", "_variables")

    def __init__(self, prompt: Any, variables: Mapping[str, Any] | None, llm: Any) -> None:
        self._prompt = prompt
        self._variables = variables or _NOTHING
        self._llm = llm

    def attributes(self) -> dict[str, Any]:
        """Return what is recorded of it, with long variables cut."""
        prompt = self._prompt
        bound = getattr(prompt, "__dict__", _NOTHING).get("kwargs") or _NOTHING
        if isinstance(prompt, SelectorPromptTemplate) and self._llm is not None:
            prompt = prompt.select(self._llm)
        variables = {key: _short(item) for key, item in {**bound, **self._variables}.items()}
        return {"template": template_of(prompt), "variables": variables}


def _short(item: Any) -> Any:
    if isinstance(item, str) and len(item) > _LONGEST:
        return Ready(placeholders.truncated(item[:_LONGEST], len(item)))
    return item
