"""Origins: whose code a file is: the user's own, a package's, Python's or ours."""

import functools
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_SITES = re.compile(r"^(.*[/\\](?:site|dist)-packages)[/\\](.+)$")
_INSTALLED = re.compile(r"([^-]+)-([^-]+)\.(?:dist|egg)-info")
_PYTHON = str(Path(os.__file__).parent) + os.sep
_OURS = str(Path(__file__).parent.parent) + os.sep
_OURS_TOO = re.compile(r"[/\\]spanbook_(?:langchain|llama_index|openai|pytest|viewer)[/\\]")
_TOPMOST = 3  # names that a package's name may be made of: google-cloud-storage


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose code something is; `package` is the name of an installed one, with its version."""

    is_own: bool = False
    package: str = ""
    version: str = ""


OWN, NOBODYS = Origin(is_own=True), Origin()


@functools.lru_cache(maxsize=4_000)
def origin(filename: str) -> Origin:
    """Return whose code the file is; Python's own and ours are nobody's."""
    if not filename or filename.startswith(("<frozen ", _OURS)) or _OURS_TOO.search(filename):
        return NOBODYS
    installed = _SITES.match(filename)
    if installed is not None:
        return _package(installed[1], installed[2])
    return NOBODYS if filename.startswith(_PYTHON) else OWN


@functools.lru_cache(maxsize=1_000)
def origin_of_import(module: str) -> Origin:
    """Return whose code a module is that may not be loaded: own code is found only if it is."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "spanbook":
        return NOBODYS
    for folder in sys.path:
        if folder.endswith(("site-packages", "dist-packages")):
            for name in (top, f"{top}.py"):
                if os.path.exists(os.path.join(folder, name)):  # noqa: PTH110, PTH118  # no Path
                    return _package(folder, module.replace(".", "/"))
    return OWN


def _package(site: str, inside: str) -> Origin:
    """Return the package that installed a file, by the names of the folders that say so."""
    names = re.split(r"[/\\]", inside)[:_TOPMOST]
    names[-1] = names[-1].partition(".")[0]
    known = _installed(site)
    for count in range(len(names), 0, -1):
        found = known.get("-".join(names[:count]).lower().replace("_", "-"))
        if found is not None:
            return Origin(False, *found)
    top = names[0]
    return Origin(False, *_by_content(site).get(top, (top, "")))


@functools.lru_cache(maxsize=50)
def _installed(site: str) -> dict[str, tuple[str, str]]:
    """Return names and versions of what is installed in a folder, by the name in small letters."""
    found: dict[str, tuple[str, str]] = {}
    for entry in _entries(site):
        match = _INSTALLED.fullmatch(entry)
        if match is not None:
            name = match[1].lower().replace("_", "-")
            found[name] = (name, match[2])
    return found


@functools.lru_cache(maxsize=50)
def _by_content(site: str) -> dict[str, tuple[str, str]]:
    """Return what is installed in a folder by what can be imported, as `yaml` is of PyYAML."""
    found: dict[str, tuple[str, str]] = {}
    for entry in _entries(site):
        match = _INSTALLED.fullmatch(entry)
        if match is not None:
            for top in _tops(Path(site) / entry):
                found.setdefault(top, (match[1].lower().replace("_", "-"), match[2]))
    return found


def _tops(folder: Path) -> set[str]:
    """Return what a package puts into the folder that it is installed in."""
    for name in ("top_level.txt", "RECORD"):
        try:
            lines = (folder / name).read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        tops = {line.partition(",")[0].partition("/")[0].strip() for line in lines}
        return {top.partition(".")[0] for top in tops if top and not top.startswith("..")}
    return set()


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  # a Path for each would cost more
    except OSError:
        return []
