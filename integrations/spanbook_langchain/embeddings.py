"""Embeddings, for which LangChain has no callbacks: a wrapper that records each call."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from langchain_core.embeddings import Embeddings

from spanbook.recording import ambient
from spanbook.recording.defaults import default_recorder
from spanbook.recording.guard import guarded
from spanbook.recording.recorder import AMBIENT, Recorder
from spanbook.spans import SpanKind

_MODELS = ("model", "model_name", "model_id", "deployment", "azure_deployment")


class SpanbookEmbeddings(Embeddings):
    """Embeddings that record every call below the run that makes it.

    The span tells the texts, their number, the dimension and the model; the vectors themselves
    only with `vectors=True`. Whatever else the wrapped embeddings can do is passed on.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        recorder: Recorder | None = None,
        *,
        model: str | None = None,
        provider: str | None = None,
        vectors: bool = False,
    ) -> None:
        """Wrap `embeddings`; `model` and `provider` are for those that do not tell theirs."""
        self.embeddings = embeddings
        self._recorder = recorder
        self._model = model or _find_model(embeddings)
        self._provider = provider
        self._vectors = vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed `texts`."""
        with self._call(texts) as call:
            return call.done(self.embeddings.embed_documents(texts))

    def embed_query(self, text: str) -> list[float]:
        """Embed one query."""
        with self._call([text]) as call:
            return call.done([self.embeddings.embed_query(text)])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed `texts`."""
        with self._call(texts) as call:
            return call.done(await self.embeddings.aembed_documents(texts))

    async def aembed_query(self, text: str) -> list[float]:
        """Embed one query."""
        with self._call([text]) as call:
            return call.done([await self.embeddings.aembed_query(text)])[0]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "embeddings":
            raise AttributeError(name)
        return getattr(self.embeddings, name)

    def _call(self, texts: Sequence[str]) -> "_Call":
        call = _Call(self._recorder or default_recorder(), self._vectors)
        call.start(type(self.embeddings).__name__, texts, self._model, self._provider)
        return call


class _Call:
    """One call of embeddings, from its start to its result or failure."""

    def __init__(self, recorder: Recorder, vectors: bool) -> None:
        self.recorder = recorder
        self._vectors = vectors
        self._key = uuid4()

    @guarded
    def start(
        self, name: str, texts: Sequence[str], model: str | None, provider: str | None
    ) -> None:
        self.recorder.start(
            self._key,
            kind=SpanKind.EMBEDDING,
            name=name,
            parent=AMBIENT,
            input={"count": len(texts), "texts": texts},
            model=model,
            provider=provider,
        )
        ambient.announce(self._key, model)

    def done(self, vectors: list[list[float]]) -> list[list[float]]:
        self._finish(vectors)
        return vectors

    @guarded
    def _finish(self, vectors: list[list[float]]) -> None:
        output: dict[str, Any] = {"count": len(vectors)}
        if vectors:
            output["dimension"] = len(vectors[0])
        if self._vectors and "vectors" not in self.recorder.settings.hide:
            output["vectors"] = vectors
        self.recorder.finish(self._key, output=output)

    @guarded
    def _fail(self, error: BaseException) -> None:
        self.recorder.finish(self._key, error=error)

    def __enter__(self) -> "_Call":
        return self

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if error is not None:
            self._fail(error)


def _find_model(embeddings: Embeddings) -> str | None:
    own = getattr(embeddings, "__dict__", {})
    return next((own[key] for key in _MODELS if isinstance(own.get(key), str)), None)
