"""The viewer: what a store holds, as pages in a browser."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spanbook_viewer.app import create_app
    from spanbook_viewer.server import serve

__all__ = ["create_app", "serve"]

_MODULES = {"create_app": "spanbook_viewer.app", "serve": "spanbook_viewer.server"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: the command line lists us without Flask."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
