"""Writes the tables: (contestant - bare of the same repetition) / spans, median [min-max].

`python -m benchmarks.report` prints them again from the runs that were kept.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

Run = dict[str, Any]


def spread(values: Iterable[float | None], digits: int = 1) -> str:
    """Return `median [min–max]`, or – where nothing was measured."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    middle, low, high = median(known), min(known), max(known)
    return f"{middle:,.{digits}f} [{low:,.{digits}f}–{high:,.{digits}f}]"


def tables(results: dict[str, Any]) -> str:
    """Return all tables as Markdown."""
    parts = [f"Python {results['python']}, {results['machine']}."]
    workloads = dict.fromkeys(run["workload"] for run in results["runs"])
    parts += [_speed(work, results["runs"]) for work in workloads]
    if results.get("crash"):
        parts += [_crashes(results["crash"]), _visible(results["visible"])]
    if results.get("ingest"):
        parts.append(_ingest(results["ingest"]))
    return "\n\n".join(parts)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(row) for row in (head, ["---"] * len(head), *rows)]
    return "\n".join([f"### {title}", "", *(f"| {line} |" for line in lines)])


def _speed(workload: str, runs: Sequence[Run]) -> str:
    runs = [run for run in runs if run["workload"] == workload]
    bares = {run["repetition"]: run for run in runs if run["contestant"] == "bare"}

    def added(key: str) -> Callable[[Run], float]:
        """Microseconds a span over the bare run of the same repetition, call for call."""

        def of(run: Run) -> float:
            bare = bares[run["repetition"]]
            each = run[key] / run["calls"] - bare[key] / bare["calls"]
            return each * run["calls"] / run["spans"] * 1e6

        return of

    def untraced(run: Run) -> float:
        """CPU seconds that the same calls take without tracing, the process's end included."""
        bare = bares[run["repetition"]]
        return bare["total"] - bare["loop"] * (1 - run["calls"] / bare["calls"])

    def total(run: Run) -> float:
        return (run["total"] - untraced(run)) / run["spans"] * 1e6

    columns: list[tuple[str, Callable[[Run], float | None], int]] = [
        ("calling thread, CPU µs/span", added("thread"), 1),
        ("total CPU µs/span", total, 1),
        ("wall µs/span", added("wall"), 1),
        ("total CPU × bare", lambda run: run["total"] / untraced(run), 2),
        ("p99 call ms", lambda run: run["p99"] and run["p99"] * 1e3, 2),
        ("memory MB", lambda run: run["memory"] / 1e6, 0),
        ("spans kept %", _share, 1),
        ("start-up CPU s: first handler", lambda run: run["first_handler"], 2),
        ("and 50 calls", lambda run: run["warm"], 2),
        ("bytes/span", lambda run: run.get("bytes"), 0),
    ]
    names = dict.fromkeys(sorted((run["contestant"] for run in runs), key=_order))
    rows = [
        [
            name,
            *(spread((of(r) for r in runs if r["contestant"] == name), n) for _, of, n in columns),
        ]
        for name in names
    ]
    bare = spread((run["loop"] / run["calls"] * 1e6 for run in bares.values()), 0)
    title = f"{workload.upper()}: a bare call takes {bare} µs of CPU"
    return _table(title, ["contestant", *(head for head, _, _ in columns)], rows)


def _order(name: str) -> tuple[int, str]:
    first = ["bare", "null", "spanbook"]
    return (first.index(name) if name in first else len(first), name)


def _share(run: Run) -> float | None:
    return None if run["kept"] is None else 100 * run["kept"] / run["expected"]


def _crashes(runs: Sequence[Run]) -> str:
    endings = list(dict.fromkeys(sorted(run["ending"] for run in runs)))
    rows = [
        [
            name,
            *(
                spread(
                    100 * run["kept"]
                    for run in runs
                    if run["contestant"] == name and run["ending"] == ending
                )
                for ending in endings
            ),
        ]
        for name in dict.fromkeys(sorted((run["contestant"] for run in runs), key=_order))
    ]
    return _table("Finished spans kept, %, without a flush", ["contestant", *endings], rows)


def _visible(runs: Sequence[Run]) -> str:
    rows = [
        [
            name,
            *(
                spread((run[key] for run in runs if run["contestant"] == name), 3)
                for key in ("running", "finished")
            ),
        ]
        for name in dict.fromkeys(sorted((run["contestant"] for run in runs), key=_order))
    ]
    head = ["contestant", "a running span", "a finished span"]
    return _table("Seconds until another process sees", head, rows)


def _ingest(runs: Sequence[Run]) -> str:
    row = [spread(run["cpu"] * 1e6 for run in runs), spread((run["rate"] for run in runs), 0)]
    return _table("Journal into SQLite", ["CPU µs/span", "spans/s"], [row])


if __name__ == "__main__":
    kept = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "results.json"
    print(tables(json.loads(kept.read_text())))
