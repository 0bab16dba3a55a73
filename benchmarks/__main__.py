"""Runs contestants and workloads in shuffled order, one process each, and keeps every run."""

import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks import ingest, loss, report, sink, stores
from benchmarks.contestants import CONTESTANTS, environment
from benchmarks.workloads import WORKLOADS

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Process:
    """One child that ended: what it measured, its whole CPU time, and where it wrote."""

    measured: dict[str, Any]
    cpu: float
    folder: Path


def run(name: str, workload: str, calls: int, url: str, folder: Path, ending: str) -> Process:
    """Run one contestant to its end.

    Raises:
        RuntimeError: it failed; the message is what it wrote to stderr.
    """
    out, errors = folder / "report.json", folder / "stderr"
    command = [sys.executable, "-m", "benchmarks.child", name, workload, str(calls), str(out)]
    with errors.open("w") as stderr:
        child = subprocess.Popen(
            [*command, ending],
            cwd=folder,
            env=environment(name, url, folder),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if not out.exists():
        raise RuntimeError(f"{name} on {workload} failed:\n{errors.read_text()[-2_000:]}")
    return Process(json.loads(out.read_text()), usage.ru_utime + usage.ru_stime, folder)


def one(name: str, workload: str, url: str, scale: float, ending: str = "normal") -> dict[str, Any]:
    """Return the figures of one run, in seconds and bytes."""
    contestant, work = CONTESTANTS[name], WORKLOADS[workload]
    calls = max(int(work.calls * contestant.scale * scale), 1)
    with tempfile.TemporaryDirectory() as folder:
        sink.ask(f"{url}/reset", post=True)
        process = run(name, workload, calls, url, Path(folder), ending)
        kept = sink.ask(f"{url}/kept") if contestant.sink else stores.kept(name, Path(folder))
        figures = process.measured | {"total": process.cpu - process.measured["before"]}
        if name == "spanbook":
            figures["bytes"] = stores.bytes_per_span(Path(folder))
    return figures | {"calls": calls, "spans": calls * work.spans, "kept": kept}


@click.command()
@click.option("--workload", "-w", multiple=True, default=list(WORKLOADS), help="Which; repeatable.")
@click.option("--contestant", "-c", multiple=True, default=list(CONTESTANTS), help="Which.")
@click.option("--repetitions", "-r", default=5, show_default=True)
@click.option("--scale", default=1.0, help="Share of the calls to make; for a quick look.")
@click.option("--only", type=click.Choice(["speed", "loss", "ingest"]), help="One part.")
@click.option("--output", type=click.Path(path_type=Path), default=RESULTS, show_default=True)
def main(
    workload: tuple[str, ...],
    contestant: tuple[str, ...],
    repetitions: int,
    scale: float,
    only: str | None,
    output: Path,
) -> None:
    """Measure, write every run to OUTPUT, and print the tables."""
    names = list(dict.fromkeys(["bare", *contestant]))
    results: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.platform()}",
        "python": platform.python_version(),
        "runs": [],
    }
    with sink.running() as url:
        if only in (None, "speed"):
            for work in workload:
                results["runs"] += speed(names, work, url, repetitions, scale)
                output.write_text(json.dumps(results, indent=1))
        if only in (None, "loss"):
            results["crash"] = loss.crashes(names, url, min(repetitions, 3), scale, one)
            results["visible"] = loss.visibility(names, url, min(repetitions, 3))
        if only in (None, "ingest"):
            results["ingest"] = [ingest.rate(scale) for _ in range(repetitions)]
    output.write_text(json.dumps(results, indent=1))
    click.echo(report.tables(results))


def speed(
    names: Sequence[str], work: str, url: str, repetitions: int, scale: float
) -> list[dict[str, Any]]:
    """Return every run of one workload, the order shuffled within a repetition."""
    names = [name for name in names if WORKLOADS[work].is_for(CONTESTANTS[name])]
    runs: list[dict[str, Any]] = []
    for repetition in range(repetitions):
        for name in random.sample(names, len(names)):
            click.echo(f"{work} {repetition + 1}/{repetitions} {name}", err=True)
            about = {"contestant": name, "workload": work, "repetition": repetition}
            runs.append(about | one(name, work, url, scale))
    return runs


if __name__ == "__main__":
    main()
