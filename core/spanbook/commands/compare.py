"""The command `spanbook compare`: two groups of traces, for people and for builds."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spanbook.addresses import sqlite_path
from spanbook.commands.address import store_option
from spanbook.errors import SpanbookError

if TYPE_CHECKING:
    from spanbook.reading.comparisons import Compared
    from spanbook.reading.gates import Gate
    from spanbook.reading.what_ran import GroupsRan

_MOST_VERSIONS = 5  # of each group in the report
_MOST_CHANGES = 50


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--fail-if", multiple=True, help="Exit with 1 where this holds: 'cost > +10%'.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of Markdown.")
@click.option("--output", type=click.Path(dir_okay=False), help="A file for the report.")
@store_option
def compare(
    a: str, b: str, fail_if: tuple[str, ...], as_json: bool, output: str | None, url: str
) -> None:
    """Compare the traces A and B name: counts, errors, durations, tokens, cost.

    Each is release:1.2, version:…, tag:…, run:…, a trace's id, or a filter such as
    'name=answer&since=7d'. Exits with 1 where a --fail-if holds, with 2 where it cannot be told.
    """
    try:
        text, failed = _report(url, (a, b), fail_if, as_json)
    except SpanbookError as error:
        raise click.UsageError(" ".join(str(error).split())) from error
    if output is None:
        click.echo(text)
    else:
        Path(output).write_text(text + "\n", encoding="utf-8")
    for condition in failed:
        click.echo(f"Failed: {condition}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


def _report(
    url: str, names: tuple[str, str], fail_if: Sequence[str], as_json: bool
) -> tuple[str, list[str]]:
    """Return the report, and the conditions that hold."""
    from spanbook.errors import StoreError
    from spanbook.reading.comparisons import compare_groups, read_group
    from spanbook.reading.gates import Gate
    from spanbook.reading.what_ran import groups_ran
    from spanbook.store.database import open_engine

    gates = [Gate.read(text) for text in fail_if]
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise StoreError(f"There is no store at {path} yet. Record a trace, or name it: --store.")
    engine = open_engine(url)
    try:
        groups = [read_group(engine, name) for name in names]
        ran = groups_ran(engine, *groups)
    finally:
        engine.dispose()
    compared = compare_groups(*groups)
    held = [(gate, gate.holds(compared)) for gate in gates]
    write = _json if as_json else _markdown
    return write(names, compared, held, ran), [gate.text for gate, holds in held if holds]


def _json(
    names: tuple[str, str],
    compared: "list[Compared]",
    held: "list[tuple[Gate, bool]]",
    ran: "GroupsRan",
) -> str:
    import json
    from dataclasses import asdict

    found: dict[str, Any] = {
        "a": names[0],
        "b": names[1],
        "measures": [asdict(one) for one in compared],
        "conditions": [{"condition": gate.text, "holds": holds} for gate, holds in held],
        "architectures": asdict(ran),
        "failed": any(holds for _, holds in held),
    }
    return json.dumps(found, indent=2)


def _markdown(
    names: tuple[str, str],
    compared: "list[Compared]",
    held: "list[tuple[Gate, bool]]",
    ran: "GroupsRan",
) -> str:
    from spanbook.reading.comparisons import written

    lines = [f"### {_plain(names[0])} (A) and {_plain(names[1])} (B)", ""]
    lines += ["| measure | A | B | change | |", "|---|--:|--:|--:|---|"]
    for one in compared:
        cells = [one.measure.replace("_", " ")]
        for value, interval in ((one.a, one.a_interval), (one.b, one.b_interval)):
            cell = written(one.measure, value)
            if interval is not None:
                low, high = (written(one.measure, end) for end in (interval.low, interval.high))
                cell += f" ({low} to {high})"
            cells.append(cell)
        lines.append(f"| {' | '.join([*cells, _change(one), one.sentence])} |")
    lines += ["", "Durations, tokens and cost are those of a trace; intervals are of 95 %."]
    if ran.is_known:
        lines += ["", *_ran_lines(ran)]
    if held:
        lines += ["", *(f"- {'✕' if holds else '✓'} `{gate.text}`" for gate, holds in held)]
    return "\n".join(lines)


def _ran_lines(ran: "GroupsRan") -> list[str]:
    from spanbook.architecture.changes import headline

    told: list[str] = []
    for letter, uses in (("A", ran.a), ("B", ran.b)):
        words = [
            f"{_plain(use.name or '')} {use.hash[:8]} × {use.traces:,}"
            if use.hash
            else f"unknown × {use.traces:,}"
            for use in uses[:_MOST_VERSIONS]
        ]
        more = len(uses) - len(words)
        told.append(f"{letter} {', '.join(words)}{f' and {more} more' if more else ''}")
    lines = [f"What ran: {'; '.join(told)}."]
    if ran.a[0].hash and ran.b[0].hash:
        lines += ["", f"From the first of A to the first of B: {headline(ran.changes)}", ""]
        lines += [
            f"- {_plain(change.path or 'root')} {_plain(f'{change.name}: {change.words}')}"
            for change in ran.changes[:_MOST_CHANGES]
        ]
        if len(ran.changes) > _MOST_CHANGES:
            lines.append(f"- and {len(ran.changes) - _MOST_CHANGES:,} more, all with --json")
    return lines


def _plain(text: str) -> str:
    """Return a name so that Markdown shows it as it is."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def _change(one: "Compared") -> str:
    if one.a is None or one.b is None:
        return "–"
    if one.measure == "error_rate":
        return f"{100 * (one.b - one.a):+.1f} pp"
    return f"{100 * (one.b / one.a - 1):+.1f} %" if one.a else "–"
