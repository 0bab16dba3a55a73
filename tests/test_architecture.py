"""Who may import whom: the rooms and doors that docs/architecture.md draws."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOTS = ("core", "examples", "integrations", "viewer")

# Every module of ours has a room; the longest name that fits wins. A new module gets a word here.
ROOMS = {
    "door": ["spanbook"],
    "values": [
        *("spanbook.figures", "spanbook.notices"),
        *(
            "spanbook.addresses",
            "spanbook.architecture",
            "spanbook.errors",
            "spanbook.functions.changes",
            "spanbook.functions.content",
            "spanbook.moments",
            "spanbook.classes",
            "spanbook.placeholders",
        ),
        *(
            "spanbook.references",
            "spanbook.segments",
            "spanbook.settings",
            "spanbook.spans",
            "spanbook.tokens",
        ),
        "spanbook.usage",
    ],
    "recording": [
        *("spanbook.functions", "spanbook.gate", "spanbook.recording", "spanbook.trace_tree"),
    ],
    "estimating": ["spanbook.estimates"],
    "pricing": ["spanbook.pricing"],
    "storing": ["spanbook.store"],
    "reading": ["spanbook.drawing", "spanbook.reading"],
    "pipelines": ["spanbook.pipelines"],
    "console": ["spanbook.console"],
    "commands": ["spanbook.commands"],
    "startup": ["spanbook.startup"],
    "langchain": ["spanbook_langchain"],
    "llama_index": ["spanbook_llama_index"],
    "openai": ["spanbook_openai"],
    "pytest": ["spanbook_pytest"],
    "viewer": ["spanbook_viewer"],
    "examples": ["spanbook_examples"],
}
ROOM_OF = {module: room for room, modules in ROOMS.items() for module in modules}

# What a room may import at the top of a module: rooms, and packages of others.
DOORS = {
    "values": {"orjson"},
    "recording": {"values", "orjson"},
    "estimating": {"values"},
    "pricing": {"values"},
    "storing": {
        *("values", "estimating", "pricing"),
        *("alembic", "clickhouse_connect", "orjson", "psycopg", "sqlalchemy", "zstandard"),
    },
    "reading": {"values", "pricing", "storing", "orjson", "pandas", "sqlalchemy", "zstandard"},
    "pipelines": {"values", "recording"},
    "console": {"values", "rich"},
    "door": {"values", "recording", "pipelines"},
    "startup": {"values"},
    "commands": {"values", "click"},
    "langchain": {"door", "values", "recording", "pricing", "langchain_core"},
    # LlamaIndex comes in three packages; its values are made of pydantic's models.
    "llama_index": {
        *("door", "values", "recording"),
        *("llama_index", "llama_index_instrumentation", "pydantic", "workflows"),
    },
    "openai": {"door", "values", "recording", "pricing", "orjson"},
    "pytest": {"values", "recording", "reading", "pytest"},
    "viewer": {
        *("door", "values", "reading", "commands"),
        *("click", "flask", "jinja2", "markdown_it", "markupsafe", "nh3", "orjson"),
        *("pygments", "sqlalchemy", "waitress", "werkzeug"),
    },
    "examples": {
        *("door", "values", "langchain", "llama_index", "openai"),
        *("click", "langchain", "langchain_core", "langchain_openai", "langgraph", "pydantic"),
        *("workflows",),
    },
}

# What it may import inside a function besides, because few programs need it or it is heavy.
LATE_DOORS = {
    # A recorder starts what fills the store, and what SPANBOOK_CONSOLE asks for.
    "recording": {"storing", "console"},
    "estimating": {"tiktoken"},  # where it is installed
    "pricing": {"genai_prices"},  # where it is installed
    "storing": {"recording"},  # the type of the journal that is drained
    "pipelines": {"reading"},  # what ran is read back
    "door": {"reading"},  # spanbook.open
    "commands": {"pricing", "recording", "storing", "reading", "door", "sqlalchemy"},
    "langchain": {"langgraph"},  # where it is installed
    "openai": {"openai"},  # a wrapped client brings it
}

# Doors for these modules only.
ONLY = {
    ("reading", "pandas"): {"spanbook.reading.frames", "spanbook.reading.span_table"},
    ("recording", "console"): {"spanbook.recording.defaults"},
    ("storing", "clickhouse_connect"): {"spanbook.store.backends.clickhouse"},
    ("storing", "psycopg"): {"spanbook.store.backends.postgresql"},
    ("recording", "storing"): {"spanbook.recording.outlet"},
    ("storing", "recording"): {"spanbook.store.ingester"},
    ("viewer", "commands"): {"spanbook_viewer.commands"},
}


@dataclass(frozen=True)
class Import:
    """One name that a module imports, and where."""

    importer: str
    name: str
    place: str
    late: bool


def modules() -> dict[str, Path]:
    """Return our modules by name."""
    found: dict[str, Path] = {}
    for root in ROOTS:
        for path in (ROOT / root).rglob("*.py"):
            parts = path.relative_to(ROOT / root).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()
OURS = {name.partition(".")[0] for name in MODULES}


def imports(module: str) -> Iterator[Import]:
    """Yield what `module` imports; inside a function or for types only, it is late."""
    path = MODULES[module]
    pending: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text("utf-8")), False)]
    while pending:
        node, late = pending.pop()
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _for_types(node)
        pending += [(child, late) for child in ast.iter_child_nodes(node)]
        for name in _names(node):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            yield Import(module, name, place, late)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names):
            for alias in names:
                full = f"{module}.{alias.name}"
                yield full if full in MODULES else module


def room(name: str) -> str | None:
    """Return the room of one of our modules, or the package of somebody else's."""
    if name.partition(".")[0] not in OURS:
        package = name.partition(".")[0]
        return None if package in sys.stdlib_module_names else package
    while name and name not in ROOM_OF:
        name = name.rpartition(".")[0]
    return ROOM_OF.get(name, "no room")


def allowed(one: Import) -> bool:
    here, there = room(one.importer), room(one.name)
    if here is None or there is None or here == there:
        return True
    only = ONLY.get((here, there))
    if only is not None and one.importer not in only:
        return False
    return there in DOORS.get(here, ()) or (one.late and there in LATE_DOORS.get(here, ()))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_through_the_doors_of_its_room(module: str):
    broken = [
        f"{one.place}: {room(one.importer)} may not import {one.name} ({room(one.name)})"
        for one in imports(module)
        if not allowed(one)
    ]

    assert not broken, "\n".join(broken)


def test_every_module_of_the_core_has_a_room():
    known = [name for name in ROOM_OF if name != "spanbook"]
    lost = [
        name
        for name in MODULES
        if name.startswith("spanbook.")
        and not any(name == other or name.startswith(f"{other}.") for other in known)
    ]

    assert not lost, f"Name their rooms in ROOMS: {', '.join(lost)}"


def test_the_viewer_touches_no_table():
    tables = [
        one.place
        for module in MODULES
        if module.startswith("spanbook_viewer")
        for one in imports(module)
        if one.name.startswith("spanbook.store.schema")
    ]

    assert not tables


FRAMEWORKS = {
    "flask",
    "genai_prices",
    "httpx2",
    "langchain",
    "langchain_core",
    "numpy",
    "pandas",
    "pydantic",
}
DATABASE = {"alembic", "sqlalchemy", "zstandard"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("spanbook_pytest.plugin", {"spanbook"} | FRAMEWORKS | DATABASE),
        ("spanbook", FRAMEWORKS | DATABASE),
        ("spanbook.startup", FRAMEWORKS | DATABASE),
        ("spanbook.commands", FRAMEWORKS | DATABASE),
        ("spanbook.reading.book", FRAMEWORKS),
        ("spanbook.store.ingester", FRAMEWORKS),
    ],
)
def test_importing_imports_nothing_heavy(module: str, heavy: set[str]):
    script = f"import {module}, json, sys; print(json.dumps(list(sys.modules)))"

    output = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout

    assert not heavy & {name.partition(".")[0] for name in json.loads(output)}
