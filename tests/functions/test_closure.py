"""What a function is made of: its source and all of the user's own code that it reads."""

import asyncio
import functools
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import spanbook
from spanbook.functions.content import FunctionVersion, PartKind
from spanbook.recording.functions import version_of
from tests.functions.conftest import Modules, Versions

PLAIN = """
def answer(question):
    return question.upper()
"""


def names(version: FunctionVersion) -> dict[str, Any]:
    return {part.name: part.value for part in version.parts}


# -- what counts and what does not ----------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        "def answer(question):\n\n    # loudly\n    return question.upper()  # indeed\n",
        "def answer( question ):\n    return (\n        question\n        .upper()\n    )\n",
        'def answer(question):\n    """Answer it."""\n    return question.upper()\n',
        "import json\n\ndef other():\n    pass\n\ndef answer(question):\n"
        "  return question.upper()\n",
        "import spanbook\n\n@spanbook.observe(name='a')\ndef answer(question):\n"
        "    return question.upper()\n",
    ],
    ids=["comments", "layout", "docstring", "neighbours", "our decorator"],
)
def test_what_changes_nothing_that_runs_is_no_new_version(versions: Versions, other: str) -> None:
    assert versions(PLAIN).hash == versions(other).hash


BASE = """
from helpers import rank

TOP_K = 4
TOOLS = [rank]

def shout(text, times=2):
    return text.upper() * times

def answer(question, limit=TOP_K):
    return shout(question)[:limit]
"""
HELPERS = """
WEIGHT = 0.5

def rank(text):
    return text * int(WEIGHT * 4)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[:limit]", "[1:limit]"),
        ("def answer(question, limit=TOP_K)", "def answer(question, limit=8)"),
        ("TOP_K = 4", "TOP_K = 8"),
        ("text.upper()", "text.lower()"),
        ("times=2", "times=3"),
    ],
    ids=["source", "default", "global", "function", "its default"],
)
def test_what_a_function_reads_makes_its_version(versions: Versions, old: str, new: str) -> None:
    assert old in BASE
    first = versions(BASE, helpers=HELPERS)

    assert versions(BASE, helpers=HELPERS).hash == first.hash
    assert versions(BASE.replace(old, new), helpers=HELPERS).hash != first.hash


READING = """
import functools
import helpers
from helpers import Ranker, rank

{above}

def answer(question):
    return {read}
"""
OTHERS = """
WEIGHT = 4

def rank(text):
    return text * WEIGHT

class Kept:
    size = 1

class Ranker(Kept):
    def __init__(self, size):
        self.size, self.calls = size, 0

    def rank(self, text):
        self.calls += 1
        return rank(text)

def twice(function):
    def call(text):
        return function(function(text))
    return call

def wrapping(function):
    @functools.wraps(function)
    def call(text):
        return function(text) * WEIGHT
    return call
"""


@pytest.mark.parametrize(
    ("above", "read"),
    [
        ("", "rank(question)"),
        ("", "helpers.rank(question)"),
        ("", "[helpers.WEIGHT for _ in question]"),
        ("TOOLS = {'rank': rank}", "TOOLS['rank'](question)"),
        ("short = functools.partial(rank)", "short(question)"),
        ("ranker = Ranker(3)", "ranker.rank(question)"),
        ("bound = Ranker(3).rank", "bound(question)"),
        ("quick = functools.lru_cache(rank)", "quick(question)"),
        ("@helpers.twice\ndef twice(text):\n    return rank(text)", "twice(question)"),
        ("@helpers.wrapping\ndef more(text):\n    return text", "more(question)"),
        ("pick = lambda text: rank(text)", "pick(question)"),
        ("class Mine(Ranker):\n    pass", "Mine(2).rank(question)"),
        (
            "def make(weight):\n    return lambda text: text * weight\nlate = make(helpers.WEIGHT)",
            "late(question)",
        ),
    ],
)
def test_code_is_followed_wherever_it_is_kept(versions: Versions, above: str, read: str) -> None:
    source = READING.format(above=above, read=read)
    helpers = f"import functools\n{OTHERS}"

    first = versions(source, helpers=helpers)

    assert not first.unknown
    assert versions(source, helpers=helpers.replace("= 4", "= 5")).hash != first.hash


def test_methods_read_their_own_class(modules: Modules) -> None:
    source = """
    class Agent:
        top_k = {top_k}

        def answer(self, question):
            return self.shorten(question)

        def shorten(self, text):
            return text[:self.top_k]

        def other(self):
            return {other}
    """
    hashes = [
        version_of(modules(source.format(top_k=top_k, other=other)).Agent.answer).hash
        for top_k, other in ((4, 1), (4, 2), (8, 1))
    ]

    assert hashes[0] == hashes[1] != hashes[2]


def test_recursion_and_cycles_end(versions: Versions) -> None:
    version = versions("""
    def answer(n):
        return n and other(n - 1)

    def other(n):
        return answer(n) or table

    table = {"answer": answer}
    table["self"] = table
    """)

    assert {part.name: part.uses for part in version.parts} == {
        "app.answer": ("app.other",),
        "app.other": ("app.answer", "app.table"),
        "app.table": ("app.answer",),
    }


def test_packages_are_names_and_versions_and_python_is_nothing(versions: Versions) -> None:
    version = versions("""
    import json
    import os.path
    import sqlalchemy as db
    from yaml import safe_load

    def answer(question):
        import click
        return json.dumps([os.path.sep, db.select, safe_load(question), click.echo])
    """)

    packages = {part.name: part.value for part in version.packages()}
    assert {"click", "pyyaml", "sqlalchemy"} == set(packages)
    assert all(value[0].isdigit() for value in packages.values())
    assert [part.name for part in version.parts if part.kind is not PartKind.PACKAGE] == [
        "app.answer"
    ]


def test_what_the_code_itself_changes_is_state_and_makes_no_version(modules: Modules) -> None:
    app = modules("""
    CACHE = {}
    COUNT = 0

    class Ranker:
        def __init__(self):
            self.size, self.calls = 3, 0

        def rank(self, text):
            self.calls += 1

    ranker = Ranker()

    def answer(question):
        global COUNT
        COUNT += 1
        CACHE[question] = ranker.rank(question)
    """)
    first = version_of(app.answer)

    app.answer("why?")

    assert version_of(app.answer).hash == first.hash
    assert first.part("app.ranker") is not None
    assert names(first)["app.ranker"] == {"class": "app.Ranker", "fields": {"size": 3}}


def test_variables_of_a_function_that_still_runs_are_data(modules: Modules) -> None:
    app = modules("""
    def handle(question, version_of):
        def answer():
            return question
        return version_of(answer)

    def make(top_k):
        def answer(question):
            return question[:top_k]
        return answer
    """)

    assert app.handle("a", version_of).hash == app.handle("b", version_of).hash
    assert version_of(app.make(4)).hash == version_of(app.make(4)).hash
    assert version_of(app.make(4)).hash != version_of(app.make(8)).hash


def test_docstrings_count_where_code_may_read_them(versions: Versions) -> None:
    source = '''
    def tool(function):
        return function

    @tool
    def answer(question):
        """{text}"""
        return question
    '''

    assert versions(source.format(text="a")).hash != versions(source.format(text="b")).hash


# -- secrets --------------------------------------------------------------------------------------

SECRETS = """
from dataclasses import dataclass

API_KEY = "{0}"
URL = "https://ada:{0}@host/"
HEADERS = {{"Authorization": "{0}", "Accept": "*"}}

@dataclass
class Client:
    api_key: str
    model: str

client = Client("{0}", "small")

def connect(password="{0}"):
    return client, URL, HEADERS, API_KEY

def answer(question):
    token = "{0}"
    # sk-{0}
    return connect(api_key="{0}", other="sk-{0}")
"""


def test_secrets_are_neither_kept_nor_part_of_the_hash(versions: Versions) -> None:
    first = versions(SECRETS.format("hunter2hunter2"))
    second = versions(SECRETS.format("correcthorse9"))

    assert "hunter2hunter2" not in str(first.to_data())
    assert first.hash == second.hash
    assert names(first)["app.client"]["fields"]["model"] == "small"


# -- never in the way -----------------------------------------------------------------------------

TRAPS = """
class Trap:
    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    __eq__ = __hash__ = __bool__ = __iter__ = __len__ = __str__ = __repr__

    @property
    def value(self):
        raise RuntimeError("property")

    @property
    def __dict__(self):
        raise RuntimeError("dict")

    @property
    def __class__(self):
        raise RuntimeError("class")

class Meta(type):
    def __getattribute__(cls, name):
        raise RuntimeError(name)

class Odd(metaclass=Meta):
    size = 1

trap, odd = Trap(), Odd()
many = [trap, {"a": trap}, (odd,), Odd]

def answer(question, default=trap):
    return trap.value, many, odd.size, Odd, missing
"""


@pytest.mark.parametrize("name", ["langchain", "llama_index", "openai"])
def test_nothing_of_the_program_is_called(name: str, versions: Versions) -> None:
    import_module(f"spanbook_{name}")  # which looks for objects of its own

    version = versions(TRAPS)

    assert not version.unknown
    assert {"app.Trap", "app.Odd", "app.trap", "app.many"} <= set(names(version))


def test_code_without_source_has_an_unknown_version_and_keeps_its_trace(
    recorder: spanbook.Recorder, book: spanbook.Book
) -> None:
    space: dict[str, Any] = {}
    exec("def answer(q):\n    return q", space)
    observed = spanbook.observe(space["answer"])

    assert observed(1) == 1
    assert spanbook.observe(len)([]) == 0
    assert recorder.flush()

    assert {trace.name for trace in book.traces()} == {"answer", "len"}
    [row] = book.versions()
    assert (row.number, row.unknown) == (None, "its source is not available")
    assert recorder.health.errors == 0


def test_a_file_that_was_edited_since_is_not_taken_for_the_source(modules: Modules) -> None:
    app = modules(PLAIN)
    Path(app.__file__ or "").write_text("def answer(question):\n    return question.lower()\n")

    assert version_of(app.answer).unknown == "its source is not available"


@pytest.mark.parametrize("way", ["-c", "-"])
def test_a_program_without_a_file_runs_as_ever(url: str, way: str) -> None:
    script = (
        "import sys, spanbook\n"
        f"spanbook.configure({url!r})\n"
        "@spanbook.observe\n"
        "def answer(q): return q\n"
        "print(answer(7))\n"
        "sys.exit(not spanbook.flush() or spanbook.default_recorder().health.errors)\n"
    )
    command = [sys.executable, way, *([script] if way == "-c" else [])]

    ran = subprocess.run(command, input=script, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "7\n", "")


def test_cells_of_a_notebook_have_their_source(modules: Modules) -> None:
    import linecache

    name = "/tmp/ipykernel_1/2.py"
    cell: str = "def answer(q):\n    return q + size\nsize = 3\n"
    lines: list[str] = [*cell.splitlines(keepends=True)]
    linecache.cache[name] = (len(cell), None, lines, name)
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(cell, name, "exec"), space)

    version = version_of(space["answer"])

    assert (version.name, version.unknown) == ("answer", "")
    assert names(version) == {"answer": None, "size": 3}


def test_all_kinds_of_functions_have_a_version(modules: Modules) -> None:
    app = modules("""
    async def coroutine(q):
        return q

    def generator(q):
        yield q

    async def stream(q):
        yield q

    class Agent:
        def method(self, q):
            return q

        @classmethod
        def of_class(cls, q):
            return q

        @staticmethod
        def of_none(q):
            return q

    pick = lambda q: q
    """)
    agent = app.Agent()
    all_kinds = [
        *(app.coroutine, app.generator, app.stream, app.pick, agent.method),
        *(app.Agent.method, app.Agent.of_class, app.Agent.of_none),
        functools.partial(app.coroutine, 1),
    ]

    assert [version_of(one).unknown for one in all_kinds] == [""] * len(all_kinds)


# -- with a recorder ------------------------------------------------------------------------------


def test_each_call_refers_to_the_version_told_once(
    recorder: spanbook.Recorder, book: spanbook.Book
) -> None:
    @spanbook.observe
    async def answer(q: int) -> int:
        return q

    asyncio.run(answer(1))
    asyncio.run(answer(2))
    pipeline = spanbook.Pipeline("shop")
    pipeline.run(_work, 3)
    assert recorder.flush()

    rows = {row.name.rpartition(".")[2]: row for row in book.versions()}
    assert {name: row.figures.call_count for name, row in rows.items()} == {
        "_work": 1,
        "answer": 2,
    }
    assert "return q" in book.version(rows["answer"].hash).source


def _work(step: spanbook.Step, number: int) -> int:
    return number


def test_versions_can_be_switched_off(url: str) -> None:
    recorder = spanbook.Recorder(url, functions=False)

    spanbook.observe(recorder=recorder)(_double)(2)
    recorder.close()

    with spanbook.open(url) as book:
        assert (len(book.traces()), book.versions()) == (1, [])


def _double(n: int) -> int:
    return 2 * n


def test_a_mask_sees_sources_and_values(url: str) -> None:
    def mask(value: Any) -> Any:
        return dict.fromkeys(value, "*") if isinstance(value, dict) else value

    recorder = spanbook.Recorder(url, mask=mask)
    spanbook.observe(recorder=recorder)(_double)(2)
    recorder.close()

    with spanbook.open(url) as book:
        [row] = book.versions()
        assert book.version(row.hash).source == "*"


def test_objects_of_one_function_are_walked_a_bounded_number_of_times(
    recorder: spanbook.Recorder, book: spanbook.Book
) -> None:
    def make(size: int) -> Any:
        @spanbook.observe
        def cut(text: str) -> str:
            return text[:size]

        return cut

    for size in range(100):
        make(size)("text")
    assert recorder.flush()

    assert len(book.versions()) == 20
