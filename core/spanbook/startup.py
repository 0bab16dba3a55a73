"""Start-up: with SPANBOOK_LANGCHAIN=1 a program is recorded without a change to its code.

`spanbook_startup.pth`, installed beside the packages, calls `run` when an interpreter starts with
a variable of `WATCHED` set. No framework is imported for it: an integration is switched on as soon
as the program itself has imported its framework.
"""

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class Watched:
    """A framework, the module of it that has to be there, and our integration of it.

    The integration reads `variable` itself when it is imported.
    """

    variable: str
    framework: str
    needed: str
    integration: str


WATCHED = (
    Watched(
        "SPANBOOK_LANGCHAIN", "langchain_core", "langchain_core.callbacks", "spanbook_langchain"
    ),
    Watched("SPANBOOK_LLAMA_INDEX", "llama_index", "llama_index.core", "spanbook_llama_index"),
    Watched("SPANBOOK_OPENAI", "openai", "openai", "spanbook_openai"),
)


class ImportWatch:
    """Imports an integration once the program has imported its framework.

    It waits until no module of the framework is half imported, for the integration imports some.
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._depth = 0
        self._asking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders give, watched; None for other packages."""
        if self._asking or name.partition(".")[0] != self._watched.framework:
            return None
        self._asking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._asking = False
        if spec is not None and hasattr(spec.loader, "exec_module"):
            self._watch(spec.loader)
        return spec

    def _watch(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            self._depth += 1
            try:
                execute(module)
            finally:
                self._depth -= 1
            if not self._depth and self._watched.needed in sys.modules:
                self._switch_on()

        loader.exec_module = exec_module

    def _switch_on(self) -> None:
        if self not in sys.meta_path:
            return
        sys.meta_path.remove(self)
        try:
            importlib.import_module(self._watched.integration)
        except Exception:
            logging.getLogger("spanbook").warning(
                "%s is set, but recording could not be switched on.",
                self._watched.variable,
                exc_info=True,
            )


def run() -> None:
    """Watch for the frameworks that the environment asks for."""
    for watched in WATCHED:
        if os.environ.get(watched.variable, "").strip().lower() in _TRUE:
            sys.meta_path.insert(0, ImportWatch(watched))
