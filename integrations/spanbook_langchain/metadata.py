"""What a run's metadata and tags say: about its trace, and about itself alone."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

_SESSION = ("spanbook_session", "session_id", "thread_id", "conversation_id")
_USER = ("spanbook_user", "user_id")
_NAME = ("spanbook_trace_name", "trace_name")
_TAGS = "spanbook_tags"
_TRACE_KEYS = frozenset({*_SESSION, *_USER, *_NAME, _TAGS})
IMPLICIT_SESSION = frozenset({"thread_id", "conversation_id"})

# Said elsewhere on the span: as its model, its provider, its parameters or its kind.
_SAID = frozenset(
    {
        "ls_provider",
        "ls_model_name",
        "ls_model_type",
        "ls_temperature",
        "ls_max_tokens",
        "ls_stop",
        "ls_integration",
        "lc_versions",
    }
)
_BOOKKEEPING = (
    "map:key:",
    "condition:",
    "branch:",
    "retry:attempt:",
    "graph:step:",
    "langsmith:",
)
_ORDER = "seq:step:"
_NOTHING = object()


def own_metadata(
    metadata: Mapping[str, Any], inherited: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the metadata that the parent does not have: inherited values are the same objects."""
    if not inherited:
        return {key: value for key, value in metadata.items() if key not in _SAID}
    return {
        key: value
        for key, value in metadata.items()
        if inherited.get(key, _NOTHING) is not value and key not in _SAID
    }


def own_tags(tags: Sequence[str], inherited: Sequence[str]) -> list[str]:
    """Return the tags that the parent does not have and that say more than the order of steps."""
    return [tag for tag in tags if tag not in inherited and not tag.startswith(_ORDER)]


def take_trace_tags(tags: list[str]) -> tuple[list[str], list[str]]:
    """Split a root's tags into those of its trace and the framework's own bookkeeping."""
    kept = [tag for tag in tags if tag.startswith(_BOOKKEEPING)]
    return [tag for tag in tags if tag not in kept], kept


def take_trace_context(own: dict[str, Any], ambient: Mapping[str, Any]) -> dict[str, Any]:
    """Take the keys that speak of the trace out of `own` and return what they say.

    A session that code chose wins over a framework's thread id.
    """
    if _TRACE_KEYS.isdisjoint(own):
        return {}
    context: dict[str, Any] = {}
    for field, keys in (("session", _SESSION), ("user", _USER), ("name", _NAME)):
        for key in keys:
            if key in IMPLICIT_SESSION and ambient.get("session"):
                continue
            text = as_text(own.get(key))
            if text:
                context[field] = text
                del own[key]
                break
    tags = own.get(_TAGS)
    if isinstance(tags, (list, tuple, set, frozenset)):
        context["tags"] = [text for tag in tags if (text := as_text(tag))]
        del own[_TAGS]
    return context


def as_text(value: Any) -> str | None:
    """Return a name or number as text, None for anything else."""
    return str(value) if isinstance(value, (str, int, UUID)) else None
