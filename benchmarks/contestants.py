"""The contestants: bare, an empty handler, Spanbook and its peers, each set up as its docs say."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

Handlers = list[Any]  # LangChain's


def none() -> Handlers:
    """Tracing is off, or switched on by environment variables."""
    return []


def same(client: Any) -> Any:
    return client


def null() -> Handlers:
    """The floor: what LangChain needs to call a handler that does nothing."""
    from langchain_core.callbacks import BaseCallbackHandler

    class Null(BaseCallbackHandler):
        run_inline = True

        def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:
            """Do nothing, where the base class raises."""

    return [Null()]


def spanbook() -> Handlers:
    from spanbook_langchain import SpanbookCallbackHandler

    return [SpanbookCallbackHandler()]


def spanbook_client(client: Any) -> Any:
    from spanbook_openai import wrap_openai

    return wrap_openai(client)


def langfuse() -> Handlers:
    from langfuse.langchain import CallbackHandler

    return [CallbackHandler()]


def langfuse_client(client: Any) -> Any:
    """Changes the classes of clients when it is imported."""
    import_module("langfuse.openai")
    return client


def langsmith_client(client: Any) -> Any:
    from langsmith.wrappers import wrap_openai

    return wrap_openai(client)


def _provider() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def openinference() -> Handlers:
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument(tracer_provider=_provider())
    return []


def openinference_client(client: Any) -> Any:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=_provider())
    return client


def mlflow() -> Handlers:
    import mlflow as module
    from mlflow import langchain

    module.set_experiment("benchmark")
    langchain.autolog()
    return []


def mlflow_client(client: Any) -> Any:
    import mlflow as module
    from mlflow import openai

    module.set_experiment("benchmark")
    openai.autolog()
    return client


# -- LlamaIndex: each is switched on for the whole process --------------------------------------


def nothing() -> None:
    pass


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
    """How one tracer is switched on, for each framework, and where its spans go.

    `scale` is the share of the calls it makes: some peers would take minutes for all of them, and
    every figure is per span.
    """

    handlers: Callable[[], Handlers]
    wrap: Callable[[Any], Any] | None = None  # None: no client to wrap
    llama_index: Callable[[], None] | None = None  # None: not measured
    environment: Mapping[str, str] = field(default_factory=dict[str, str])  # {sink}, {folder}
    sink: bool = False
    scale: float = 1.0


CONTESTANTS = {
    "bare": Contestant(none, same, nothing),
    "null": Contestant(null, llama_index=null_llama_index),
    "spanbook": Contestant(
        spanbook,
        spanbook_client,
        spanbook_llama_index,
        {"SPANBOOK_URL": "sqlite:///{folder}/spanbook.db"},
    ),
    "langfuse": Contestant(
        langfuse,
        langfuse_client,
        environment={
            "LANGFUSE_BASE_URL": "{sink}",
            "LANGFUSE_PUBLIC_KEY": "pk-lf-bench",
            "LANGFUSE_SECRET_KEY": "sk-lf-bench",
        },
        sink=True,
    ),
    "langsmith": Contestant(
        none,
        langsmith_client,
        environment={
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": "{sink}",
            "LANGSMITH_API_KEY": "bench",
        },
        sink=True,
    ),
    "openinference": Contestant(
        openinference,
        openinference_client,
        openinference_llama_index,
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{sink}"},
        sink=True,
    ),
    "mlflow": Contestant(
        mlflow,
        mlflow_client,
        mlflow_llama_index,
        {"MLFLOW_TRACKING_URI": "sqlite:///{folder}/mlflow.db"},
        scale=0.1,
    ),
}


def environment(name: str, sink: str, folder: Path) -> dict[str, str]:
    """Return the variables of a process in which the contestant `name` runs."""
    given = CONTESTANTS[name].environment.items()
    chosen = {key: value.format(sink=sink, folder=folder) for key, value in given}
    inherited = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")}
    return inherited | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)} | chosen
