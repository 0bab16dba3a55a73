"""The contestants: bare, an empty handler, Spanbook and its peers, each set up as its docs say."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler

ROOT = Path(__file__).parent.parent


def bare() -> list[BaseCallbackHandler]:
    return []


class Null(BaseCallbackHandler):
    """The floor: what LangChain needs to call a handler that does nothing."""

    run_inline = True

    def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:
        """Do nothing, where the base class raises."""


def null() -> list[BaseCallbackHandler]:
    return [Null()]


def spanbook() -> list[BaseCallbackHandler]:
    from spanbook_langchain import SpanbookCallbackHandler

    return [SpanbookCallbackHandler()]


def langfuse() -> list[BaseCallbackHandler]:
    from langfuse.langchain import CallbackHandler

    return [CallbackHandler()]


def langsmith() -> list[BaseCallbackHandler]:
    """Switched on by its environment variables."""
    return []


def openinference() -> list[BaseCallbackHandler]:
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument(tracer_provider=_provider())
    return []


def _provider() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def mlflow() -> list[BaseCallbackHandler]:
    import mlflow as module
    from mlflow import langchain

    module.set_experiment("benchmark")
    langchain.autolog()
    return []


# -- LlamaIndex: each is switched on for the whole process --------------------------------------


def null_llama_index() -> None:
    """The floor: what LlamaIndex needs to call handlers that do nothing."""
    from llama_index.core.instrumentation.event_handlers import NullEventHandler
    from llama_index.core.instrumentation.span_handlers import NullSpanHandler
    from llama_index_instrumentation import get_dispatcher

    get_dispatcher().add_span_handler(NullSpanHandler())
    get_dispatcher().add_event_handler(NullEventHandler())


def spanbook_llama_index() -> None:
    from spanbook_llama_index import install

    install()


def openinference_llama_index() -> None:
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    LlamaIndexInstrumentor().instrument(tracer_provider=_provider())


def mlflow_llama_index() -> None:
    import mlflow as module
    from mlflow import llama_index

    module.set_experiment("benchmark")
    llama_index.autolog()


@dataclass(frozen=True)
class Contestant:
    """How one tracer is switched on, and where its spans go.

    `llama_index` switches it on for LlamaIndex; None where that is not measured.

    `scale` is the share of the calls it makes: some peers would take minutes for all of them, and
    every figure is per span.
    """

    start: Callable[[], list[BaseCallbackHandler]]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])  # {sink}, {folder}
    sink: bool = False
    scale: float = 1.0
    llama_index: Callable[[], object] | None = None


CONTESTANTS = {
    "bare": Contestant(bare, llama_index=bare),
    "null": Contestant(null, llama_index=null_llama_index),
    "spanbook": Contestant(
        spanbook,
        {"SPANBOOK_URL": "sqlite:///{folder}/spanbook.db"},
        llama_index=spanbook_llama_index,
    ),
    "langfuse": Contestant(
        langfuse,
        {
            "LANGFUSE_BASE_URL": "{sink}",
            "LANGFUSE_PUBLIC_KEY": "pk-lf-bench",
            "LANGFUSE_SECRET_KEY": "sk-lf-bench",
        },
        sink=True,
    ),
    "langsmith": Contestant(
        langsmith,
        {
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": "{sink}",
            "LANGSMITH_API_KEY": "bench",
        },
        sink=True,
    ),
    "openinference": Contestant(
        openinference,
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{sink}"},
        sink=True,
        llama_index=openinference_llama_index,
    ),
    "mlflow": Contestant(
        mlflow,
        {"MLFLOW_TRACKING_URI": "sqlite:///{folder}/mlflow.db"},
        scale=0.1,
        llama_index=mlflow_llama_index,
    ),
}


def environment(name: str, sink: str, folder: Path) -> dict[str, str]:
    """Return the variables of a process in which the contestant `name` runs."""
    given = CONTESTANTS[name].environment.items()
    chosen = {key: value.format(sink=sink, folder=folder) for key, value in given}
    inherited = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")}
    return inherited | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)} | chosen
