"""What a call asks for: the body of its request, read into a span's input and parameters."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any

from spanbook_openai.items import conversation
from spanbook_openai.messages import messages, tools

Body = Mapping[str, Any]


def body_of(options: Any) -> dict[str, Any]:
    """Return the body as it is sent: what `extra_body` gives stands over the arguments."""
    given = options.json_data
    body = dict(given) if isinstance(given, Mapping) else {} if given is None else {"body": given}
    extra = options.extra_json
    if isinstance(extra, Mapping):
        body.update(extra)
    if options.files:
        body.update(_files(options.files))
    return body


def _files(files: Any) -> dict[str, Any]:
    """Return the names and sizes of files: never their content, whose reading moves the handle."""
    entries = files.items() if isinstance(files, Mapping) else files
    named: dict[str, list[Any]] = {}
    for name, file in entries:
        named.setdefault(str(name).removesuffix("[]"), []).append(_file(file))
    return {name: found[0] if len(found) == 1 else found for name, found in named.items()}


def _file(file: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "file"}
    if isinstance(file, tuple):
        if file[0]:
            made["filename"] = str(file[0])
        file = file[1] if len(file) > 1 else None
    elif isinstance(file, PathLike):
        made["filename"] = fspath(file)
    elif isinstance(getattr(file, "name", None), str):
        made["filename"] = file.name
    if isinstance(file, bytes | bytearray):
        made["size"] = len(file)
    return made


def parameters(body: Body, content: frozenset[str]) -> dict[str, Any]:
    """Return what a request says beside its content: exactly what was sent, no defaults."""
    return {key: value for key, value in body.items() if key not in content}


def _with_tools(made: dict[str, Any], body: Body) -> dict[str, Any]:
    offered = tools(body)
    if offered:
        made["tools"] = offered
    return made


def chat(body: Body) -> Any:
    """Return the messages and tools of a chat request."""
    return _with_tools({"messages": messages(body.get("messages"))}, body)


def response(body: Body) -> Any:
    """Return the messages and tools of a request to the responses API."""
    made: dict[str, Any] = {"messages": conversation(body)}
    if body.get("prompt"):
        made["prompt"] = body["prompt"]
    return _with_tools(made, body)


def text(body: Body) -> Any:
    """Return the prompt of a text completion, which may also be a chat on another path."""
    if "messages" in body:
        return chat(body)
    if "prompt" not in body:
        return whole(body)
    given = body["prompt"]
    several = isinstance(given, Sequence) and not isinstance(given, str)
    return {"prompts": given} if several else {"prompt": given}


def embedding(body: Body) -> Any:
    """Return the texts to embed and their number; of texts given as tokens, how many each has."""
    given = body.get("input")
    if isinstance(given, str):
        return {"count": 1, "texts": [given]}
    if not isinstance(given, Sequence) or not given:
        return {"count": 0}
    if isinstance(given[0], int):
        return {"count": 1, "tokens": [len(given)]}
    if isinstance(given[0], Sequence) and not isinstance(given[0], str):
        return {"count": len(given), "tokens": [len(one) for one in given]}
    return {"count": len(given), "texts": given}


def picked(*keys: str) -> Any:
    """Return a reader that takes these fields of the body as they are."""

    def read(body: Body) -> Any:
        return {key: body[key] for key in keys if key in body}

    return read


def whole(body: Body) -> Any:
    """Return the body of a request that no other reader knows."""
    return dict(body)
