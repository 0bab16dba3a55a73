"""Measures the estimates of tokens on recorded requests whose provider reported the number.

    python -m benchmarks.tokens recordings/prompts.jsonl.gz
    SPANBOOK_RECORDINGS=recordings python -m benchmarks.tokens --misses

A line of the file is one request: {"group", "kind": chat | responses | completion | embedding,
"model", "body": what was sent, "prompt_tokens": what was reported, "source": {"repo"}}. A folder
`interactions` beside it holds one exchange a file, whose answers are measured too: {"kind",
"provider", "synthetic", "source": {"repo"}, "request": {"body"}, "response": {"status", "json"}}.
"""

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from spanbook.estimates import Confidence, Estimate, estimate_input, estimate_output

# The requests of these repositories are one half, all others the second: a rule that only fits the
# habits of one program shows as a difference between the halves.
FIRST_HALF = frozenset(
    {
        "DataDog/dd-trace-py",
        "Arize-ai/openinference",
        "open-telemetry/opentelemetry-python-contrib",
        "Scale3-Labs/langtrace-python-sdk",
    }
)

ANSWERS = ("chat", "responses", "completion")


@dataclass(frozen=True)
class Measured:
    """One request: what we say and what the provider said."""

    group: str
    repository: str
    model: str
    line: int
    estimate: Estimate | None
    reported: int

    @property
    def error(self) -> int | None:
        """How much more we say than the provider."""
        return None if self.estimate is None else self.estimate.tokens - self.reported

    @property
    def is_bound(self) -> bool:
        """Whether we say that we cannot know."""
        return self.estimate is None or self.estimate.confidence is Confidence.LOWER_BOUND


def find(path: str | None) -> Path | None:
    """Return the file of recordings that an argument or the environment names, if it is there."""
    given = path or os.environ.get("SPANBOOK_RECORDINGS")
    if not given:
        return None
    found = Path(given)
    found = found / "prompts.jsonl.gz" if found.is_dir() else found
    return found if found.is_file() else None


def measure(path: Path) -> Iterator[Measured]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            yield one(number, json.loads(line))


def one(number: int, record: dict[str, Any]) -> Measured:
    estimate = estimate_input(record["body"], record["model"], record["kind"])
    repository, reported = record["source"]["repo"], record["prompt_tokens"]
    return Measured(record["group"], repository, record["model"], number, estimate, reported)


def measure_answers(folder: Path) -> Iterator[Measured]:
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_bytes())
        answer = record["response"].get("json") or {}
        usage = answer.get("usage") if record["kind"] in ANSWERS else None
        if usage and record["provider"] in ("openai", "azure") and not record["synthetic"]:
            yield answered(record, answer, usage)


def answered(record: dict[str, Any], answer: dict[str, Any], usage: dict[str, Any]) -> Measured:
    kind, request = record["kind"], record["request"]["body"]
    offered = bool(request.get("tools"))
    estimate = estimate_output(answer, answer["model"], kind, offered_tools=offered)
    reported = usage.get("completion_tokens", usage.get("output_tokens", 0))
    repository = record["source"]["repo"]
    return Measured(f"output of {kind}", repository, answer["model"], 0, estimate, reported)


def share(measured: Iterable[Measured], test: Callable[[Measured], bool]) -> str:
    found = [test(row) for row in measured]
    return f"{100 * sum(found) / len(found):5.1f} %" if found else "      –"


def is_exact(row: Measured) -> bool:
    return row.error == 0


def percentile(rows: list[Measured], part: float) -> str:
    errors = sorted(abs(row.error) for row in rows if row.error is not None)
    return str(errors[min(int(part * len(errors)), len(errors) - 1)]) if errors else "–"


def report(rows: list[Measured]) -> Iterator[str]:
    yield "| group | requests | exact | p90 | p95 | first half | second half | bound or unknown |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    groups: dict[str, list[Measured]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    for name, group in sorted(groups.items()):
        yield "| " + " | ".join((name, *figures(group))) + " |"


def figures(group: list[Measured]) -> tuple[str, ...]:
    first = [row for row in group if row.repository in FIRST_HALF]
    second = [row for row in group if row.repository not in FIRST_HALF]
    return (
        str(len(group)),
        share(group, is_exact),
        percentile(group, 0.9),
        percentile(group, 0.95),
        share(first, is_exact),
        share(second, is_exact),
        str(sum(row.is_bound for row in group)),
    )


def misses(rows: list[Measured]) -> Iterator[str]:
    for row in rows:
        if row.error and not row.is_bound:
            yield f"line {row.line + 1}: {row.group} {row.model} {row.repository} {row.error:+d}"


@click.command()
@click.argument("path", required=False)
@click.option("--misses", "shows_misses", is_flag=True, help="List the requests that are not met.")
def main(path: str | None, shows_misses: bool) -> None:
    """Compare estimates with what providers reported, for each group of requests."""
    found = find(path)
    if found is None:
        raise click.UsageError("Name a file of recordings, or set SPANBOOK_RECORDINGS to one.")
    rows = [*measure(found), *measure_answers(found.parent / "interactions")]
    for line in (*report(rows), *(misses(rows) if shows_misses else ())):
        click.echo(line)


if __name__ == "__main__":
    main()
