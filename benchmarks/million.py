"""Fills a store with the traces of a made-up company: `python -m benchmarks.million --url …`.

The records go through the ingester, segment after segment, as if programs had left them.
"""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks.town.days import Segment, Town, midnight
from spanbook.segments import health_line
from spanbook.store.takeover import Collector


def fill(url: str, spans: int, until: datetime, seed: int = 1) -> tuple[int, float]:
    """Return how many spans were stored, and what the ingester took of the processor for each."""
    stored, taken = 0, 0.0
    with tempfile.TemporaryDirectory() as folder, Collector(url, Path(folder)) as collector:
        for segment in Town(spans, until, seed).segments():
            _write(segment, Path(folder))
            began = time.process_time()
            collector.collect()
            taken += time.process_time() - began
            stored += segment.spans
    return stored, taken / max(stored, 1)


def _write(segment: Segment, folder: Path) -> None:
    with (folder / segment.name).open("wb") as file:
        file.write(health_line(0, 0, ""))
        file.writelines(segment.lines)


@click.command()
@click.option("--url", default="sqlite:///million.db", show_default=True, help="An empty store.")
@click.option("--spans", default=1_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="The day after the last. [default: today]"
)
def main(url: str, spans: int, seed: int, until: datetime | None) -> None:
    """Fill the store at URL with about so many SPANS of ninety days."""
    began = time.perf_counter()
    end = midnight() if until is None else until.replace(tzinfo=UTC)
    stored, cpu = fill(url, spans, end, seed)
    took = time.perf_counter() - began
    click.echo(f"{stored:,} spans in {took:.0f} s; the ingester took {cpu * 1e6:.1f} µs of each.")


if __name__ == "__main__":
    main()
