"""A client, and a request of it, as components of an architecture."""

from dataclasses import dataclass
from typing import Any

import orjson

from spanbook.architecture.component import Component
from spanbook.architecture.describing import walkers
from spanbook.architecture.walk import Language, Walk, qualified, told
from spanbook_openai.endpoints import Endpoint

_DEEP = 12  # levels of a tool's schema


@dataclass(frozen=True, slots=True)
class Request:
    """What is set of a request, without what is asked."""

    endpoint: Endpoint
    model: str | None
    parameters: dict[str, Any]
    tools: Any

    def key(self, client: Any) -> tuple[Any, ...]:
        """Return what tells apart requests of different architectures."""
        given = [self.model, self.parameters, self.tools]
        told_as = orjson.dumps(given, default=lambda value: told(value, 0))
        return (id(type(client)), str(client.base_url), self.endpoint.name, told_as)


def component_of(client: Any, request: Request | None = None) -> Component:
    """Return what `client` is, and how it is asked in `request`."""
    parameters: dict[str, Any] = {"base_url": str(client.base_url)}
    for name in ("max_retries", "organization", "project"):
        value = getattr(client, name, None)
        if type(value) in (int, str):
            parameters[name] = value
    parts = () if request is None else (_model(request),)
    cls = type(client)
    return Component("client", qualified(cls), cls.__name__, "", parameters, parts)


def _model(request: Request) -> Component:
    parameters = {"model": request.model, **told(request.parameters)}
    if request.tools:
        parameters["tools"] = told(request.tools, _DEEP)
    name = request.model or request.endpoint.name
    return Component(str(request.endpoint.kind), request.endpoint.name, name, "request", parameters)


def walk_client(value: Any) -> tuple[Component, Walk] | None:
    """Return what an OpenAI client is."""
    if not any(
        cls.__module__ == "openai._base_client" and cls.__name__ == "BaseClient"
        for cls in type(value).__mro__
    ):
        return None
    return component_of(value), Walk(_LANGUAGE)


_LANGUAGE = Language((), {}, frozenset())

if walk_client not in walkers:
    walkers.append(walk_client)
