"""How long the viewer takes for its pages on a large store: `python -m benchmarks.pages --url …`.

The server is a process of its own and every figure is a whole HTTP request on a connection that
stays open, after one that does not count. Beside the time stands what the server's process took of
the processor, which holds on a busy machine. What does not fit the goals is marked.
"""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from spanbook.reading import queries
from spanbook.reading.book import Book
from spanbook.reading.filters import SORTS, TraceFilter
from spanbook.reading.rows import FacetValue

SERVE = """
import sys
from spanbook_viewer.server import serve
serve(sys.argv[1], port=0, say=lambda line: print(line, flush=True))
"""
_FACETS = 20_000  # traces among which values are chosen
_GOALS = {  # milliseconds, and what a group's addresses are
    "filter": (10, "list, one filter"),
    "sort": (10, "list, sorted"),
    "depth": (10, "list, deep pages"),
    "search": (15, "text search"),
    "statistics": (15, "statistics and sums"),
    "trace": (60, "one trace"),
    "page": (50, "other pages"),
}


@dataclass(frozen=True)
class Asked:
    """An address to measure."""

    group: str
    words: str
    path: str


@dataclass
class Measured:
    """What the requests for one address took, in milliseconds."""

    asked: Asked
    whole: list[float]
    first: list[float]  # until the first bytes of the page
    cpu: list[float]
    size: int = 0

    def row(self) -> str:
        """Return the line of a table."""
        goal, _ = _GOALS[self.asked.group]
        p95 = share(self.whole, 0.95)
        words = f"{self.asked.words}{'' if p95 <= goal else ' (over the goal)'}"
        figures = (share(self.whole, 0.5), p95, share(self.first, 0.5), share(self.cpu, 0.5))
        told = " | ".join(f"{figure:.1f}" for figure in figures)
        return f"| {words} | {told} | {self.size / 1000:,.0f} |"


def share(values: list[float], part: float) -> float:
    """Return the value below which this part of the values lies."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


class Viewer:
    """A running viewer and a connection to it."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, started: float) -> None:
        self.started = started  # seconds until it answered
        self._pid = process.pid
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str) -> tuple[float, float, float, int]:
        """Return milliseconds until all and the first bytes came, of the processor, and bytes."""
        cpu, began = self._cpu(), time.perf_counter()
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        head = response.read(1)
        first = time.perf_counter() - began
        body = head + response.read()
        whole = time.perf_counter() - began
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status}\n{body[:2_000].decode()}")
        return whole * 1e3, first * 1e3, self._cpu() - cpu, len(body)

    def memory(self) -> float:
        """Return the megabytes that the server holds."""
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def _cpu(self) -> float:
        """Return the milliseconds that the server's threads have run."""
        tasks = Path(f"/proc/{self._pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


@contextmanager
def viewer(url: str) -> Iterator[Viewer]:
    """Serve the store at `url` meanwhile."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = next(line for line in process.stdout if line.startswith("Viewer:"))
        port = int(address.rsplit(":", 1)[1].strip("/ \n"))
        found = Viewer(process, port, 0.0)
        found.get("/health")
        found.started = time.perf_counter() - began
        yield found
    finally:
        process.terminate()
        process.wait()


def measure(server: Viewer, asked: Asked, rounds: int) -> Measured:
    """Ask `rounds` times, and once before."""
    server.get(asked.path)
    found = Measured(asked, [], [], [])
    for _ in range(rounds):
        whole, first, cpu, found.size = server.get(asked.path)
        found.whole.append(whole)
        found.first.append(first)
        found.cpu.append(cpu)
    return found


# -- what is asked ----------------------------------------------------------------------------


def lists(book: Book) -> Iterator[Asked]:
    """Yield the list of traces with each filter, in each order and at several depths."""
    facets = queries.facets(book.engine, recent=_FACETS)
    yield Asked("filter", "none", "/traces/")
    for name in ("project", "name", "kind", "model", "tag", "session", "user"):
        yield from _values(name, getattr(facets, name))
    for name in ("release", "version", "environment"):
        yield from _values(name, getattr(facets, name))
    runs = book.runs(limit=1)
    made_of = book.architectures()
    others = {
        "status": ("error", "cancelled", "running"),
        "since": ("1d", "30d"),
        "until": ("30d",),
        "min_duration": ("1s", "60s"),
        "max_tokens": ("100",),
        "min_tokens": ("20000",),
        "min_cost": ("0.001", "0.1"),
        "has_error": ("yes", "no"),
        "input": ("refund", "xyzzy"),
        "output": ("refund",),
        "error": ("RateLimit",),
        "run": tuple(run.run_id for run in runs),
        "architecture": tuple(row.hash for row in made_of[:1]),
    }
    for name, values in others.items():
        for value in values:
            yield Asked("filter", f"{name}={value[:12]}", f"/traces/?{urlencode({name: value})}")
    for sort in SORTS:
        for order in ("desc", "asc"):
            yield Asked("sort", f"{sort} {order}", f"/traces/?sort={sort}&order={order}")
    for sort in ("start", "cost", "name"):
        yield from _depths(book, sort)
    for name, words in (("status", "error"), ("tag", facets.tag[0].value)):
        address = urlencode({name: words, "sort": "cost", "order": "desc"})
        yield Asked("filter", f"{name} by cost", f"/traces/?{address}")


def _values(name: str, values: tuple[FacetValue, ...]) -> Iterator[Asked]:
    for which, found in (("often", values[:1]), ("seldom", values[1:][-1:])):
        for value in found:
            address = urlencode({name: value.value})
            yield Asked("filter", f"{name}, {which}", f"/traces/?{address}")


def _depths(book: Book, sort: str) -> Iterator[Asked]:
    filter, page = TraceFilter(sort=sort, limit=1_000), 1
    for depth in (10, 100, 1_000):
        while page < depth:
            found = queries.list_traces(book.engine, filter)
            if found.next is None:
                return
            filter, page = replace(filter, after=found.next), page + 10
        order = f"sort={sort}&order=desc&" if sort != "start" else ""
        yield Asked(
            "depth", f"{sort}, page {depth}", f"/traces/?{order}after={quote(str(filter.after))}"
        )


def searches() -> Iterator[Asked]:
    """Yield searches for words that are common, rare, several, beginnings, or not there."""
    for words in ("refund", "order ticket", "90001", "refund xyzzy", "tick*", "xyzzy", "batch"):
        yield Asked("search", words, f"/traces/?{urlencode({'q': words})}")
    yield Asked("search", "refund by cost", "/traces/?q=refund&sort=cost&order=desc")


def others(book: Book) -> Iterator[Asked]:
    """Yield statistics, sums and the lists of other things."""
    yield Asked("statistics", "statistics, 30 days", "/statistics/?since=30d")
    yield Asked("statistics", "statistics, 90 days", "/statistics/?since=90d")
    yield Asked("statistics", "accounting, 30 days", "/accounting/?since=30d")
    yield Asked("page", "spans", "/spans/")
    yield Asked("page", "spans, kind llm by duration", "/spans/?kind=llm&sort=duration")
    yield Asked("page", "sessions", "/sessions/")
    yield Asked("page", "health", "/health")
    for size in (20, 10_000, 20_000):
        trace = _of_size(book, size)
        if trace is not None:
            yield Asked("trace", f"{size:,} spans", f"/traces/{trace}")


def _of_size(book: Book, spans: int) -> str | None:
    """Return a trace with about so many spans: the first that is not smaller."""
    found = book.traces(sort="-spans", limit=4) if spans > 1_000 else book.traces(limit=2_000)
    sizes = {row.span_count: row.trace_id for row in found if row.span_count >= spans * 0.95}
    return sizes[min(sizes)] if sizes and min(sizes) < 1.5 * spans else None


# -- the tables -------------------------------------------------------------------------------


def run(url: str, rounds: int, only: str | None) -> list[Measured]:
    """Return what every address took, warm."""
    with Book(url) as book:
        asked = [*lists(book), *searches(), *others(book)]
    with viewer(url) as server:
        click.echo(f"The viewer answered after {server.started:.2f} s.", err=True)
        found: list[Measured] = []
        for one in asked:
            if only in (None, one.group):
                found.append(measure(server, one, rounds))
                click.echo(found[-1].row(), err=True)
        click.echo(f"It holds {server.memory():.0f} MB.", err=True)
    return found


def opened(url: str, rounds: int) -> Iterator[Measured]:
    """Yield what big traces take that this viewer has not shown before."""
    with Book(url) as book:
        traces = [one for one in others(book) if one.group == "trace"]
    for asked in traces:
        found = Measured(replace(asked, words=f"{asked.words}, first time"), [], [], [])
        for _ in range(rounds):
            with viewer(url) as server:
                server.get("/traces/")
                whole, first, cpu, found.size = server.get(asked.path)
            found.whole.append(whole)
            found.first.append(first)
            found.cpu.append(cpu)
        yield found


def tables(found: list[Measured]) -> str:
    """Return a table for each group."""
    parts: list[str] = []
    for group, (goal, title) in _GOALS.items():
        rows = [one for one in found if one.asked.group == group]
        if rows:
            head = f"### {title[0].upper()}{title[1:]} (goal: {goal} ms)\n"
            names = "| address | p50 ms | p95 ms | first bytes ms | CPU ms | kB |"
            lines = [names, "| --- | --- | --- | --- | --- | --- |", *(one.row() for one in rows)]
            parts.append("\n".join([head, *lines]))
    return "\n\n".join(parts)


def growth(small: list[Measured], large: list[Measured]) -> str:
    """Return how the processor's time for the same addresses grew, the worst first."""
    before = {one.asked.words: share(one.cpu, 0.5) for one in small}
    grown: list[tuple[float, Any]] = [
        (share(one.cpu, 0.5) / before[one.asked.words], one)
        for one in large
        if one.asked.words in before
    ]
    grown.sort(key=lambda pair: -pair[0])
    lines = [f"| {one.asked.words} | {times:.2f} × |" for times, one in grown[:12]]
    middle = grown[len(grown) // 2][0]
    head = f"### Growth: half of the addresses take at most {middle:.2f} × as long\n"
    return "\n".join([head, "| address | CPU |", "| --- | --- |", *lines])


def frame(url: str, spans: int = 100_000) -> str:
    """Return how long a DataFrame of the newest spans takes."""
    with Book(url) as book:
        began, cpu = time.perf_counter(), time.process_time()
        table = book.spans(limit=spans).to_pandas()
        took, used = time.perf_counter() - began, time.process_time() - cpu
    return f"A DataFrame of {len(table):,} spans: {took:.2f} s, {used:.2f} s of the processor."


@click.command()
@click.option("--url", default="sqlite:///million.db", show_default=True)
@click.option("--small", help="A store with a tenth of the spans, to see how much pages grow.")
@click.option("--rounds", default=20, show_default=True, help="Requests for each address.")
@click.option("--only", type=click.Choice(list(_GOALS)), help="One group of addresses.")
def main(url: str, small: str | None, rounds: int, only: str | None) -> None:
    """Measure the pages of the store at URL."""
    large = run(url, rounds, only)
    if only in (None, "trace"):
        large += opened(url, 3)
    click.echo(tables(large))
    if small is not None:
        click.echo("\n" + growth(run(small, rounds, only), large))
    if only is None:
        click.echo("\n" + frame(url))


if __name__ == "__main__":
    main()
