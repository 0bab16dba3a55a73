"""Modules of a user's, written for a test, and the versions of what they define."""

import importlib
import itertools
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from spanbook.functions.content import FunctionVersion
from spanbook.recording.functions import version_of

Modules = Callable[..., ModuleType]
Versions = Callable[..., FunctionVersion]
_number = itertools.count()


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    """Write modules from their sources, by name, and import the one named `app`, each time anew."""
    before = set(sys.modules)

    def write(app: str, **others: str) -> ModuleType:
        folder = tmp_path / str(next(_number))
        folder.mkdir()
        monkeypatch.syspath_prepend(str(folder))
        for name in ("app", *others):
            sys.modules.pop(name, None)
        for name, source in {"app": app, **others}.items():
            (folder / f"{name}.py").write_text(dedent(source))
        return importlib.import_module("app")

    yield write
    for name in set(sys.modules) - before:
        if name in ("app", "helpers"):
            del sys.modules[name]
    linecache.clearcache()


@pytest.fixture
def versions(modules: Modules) -> Versions:
    """Return the version of `app.answer` as these sources define it."""
    return lambda app, **others: version_of(modules(app, **others).answer)
