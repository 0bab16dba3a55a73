"""The commands `spanbook store …` that keep a store small, whole and where it should be."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spanbook.addresses import shown, sqlite_path
from spanbook.commands.address import StoreAddress, store_argument, store_option
from spanbook.commands.amounts import Age, Size
from spanbook.commands.stats import waiting_bytes
from spanbook.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from spanbook.store.upkeep.retention import Rule

_EVERY = 2.0  # seconds between words about progress


@contextmanager
def _opened(url: str, *, is_new: bool = False) -> Generator["Engine"]:
    """Open a store that must be there, unless it may be made."""
    from spanbook.store.database import open_engine

    path = sqlite_path(url)
    if path is not None and not path.exists() and not is_new:
        raise StoreError(f"There is no store at {path}. Name one that is there.")
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _bounds(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that make a rule of retention."""
    for option in (
        click.option("--size", type=Size(), help="Bytes of the whole store, such as 2GB."),
        click.option("--traces", type=click.IntRange(0), help="How many traces."),
        click.option("--age", type=Age(), help="How old a trace may be, such as 30d."),
        click.option("--project", help="Of one project only."),
    ):
        command = option(command)
    return command


def _rule(
    project: str | None, age: timedelta | None, traces: int | None, size: int | None
) -> "Rule":
    from spanbook.store.upkeep.retention import Rule

    return Rule(project, age, traces, size)


@click.command()
@store_argument
@_bounds
@click.option("--forever", is_flag=True, help="Drop the rule: keep all.")
def keep(url: str, forever: bool, **bounds: Any) -> None:
    """Show or set how long the store at URL keeps traces.

    Whoever writes to the store applies its rules about once an hour; `spanbook store prune` does so
    now. Each project can have a rule, and the whole store one more.
    """
    from spanbook.store.upkeep.retention import rules, set_rule

    rule = _rule(**bounds)
    with _opened(url) as engine:
        if forever or not rule.bounds_nothing:
            if forever and not rule.bounds_nothing:
                raise click.UsageError("Give either bounds or --forever.")
            set_rule(engine, rule)
        with engine.connect() as connection:
            carried = rules(connection)
    for one in carried:
        click.echo(_said(one))
    if not carried:
        click.echo("All traces are kept.")


def _said(rule: "Rule") -> str:
    from spanbook.reading.arguments import write_duration

    of = f"project {rule.project}" if rule.project is not None else "the whole store"
    bounds = [
        f"traces of the last {write_duration(rule.age)}" if rule.age is not None else "",
        f"the newest {rule.traces:,} traces" if rule.traces is not None else "",
        f"at most {rule.size:,} bytes" if rule.size is not None else "",
    ]
    return f"Kept of {of}: {', '.join(filter(None, bounds)) or 'all'}."


@click.command()
@store_argument
@_bounds
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def prune(url: str, dry_run: bool, **bounds: Any) -> None:
    """Delete traces from the store at URL, the oldest first.

    What goes is what the bounds given do not keep; without any, what the store's own rules do not.
    """
    from spanbook.store.upkeep.deleting import Deleted
    from spanbook.store.upkeep.retention import expect, rules
    from spanbook.store.upkeep.retention import prune as delete

    given = _rule(**bounds)
    with _opened(url) as engine:
        chosen = [given]
        if given.bounds_nothing:
            with engine.connect() as connection:
                chosen = rules(connection)
        if not chosen:
            raise StoreError(
                "Nothing says what to keep. Give --age, --traces or --size, or set a rule with "
                "spanbook store keep."
            )
        gone = Deleted()
        for rule in chosen:
            if dry_run:
                expected = expect(engine, rule)
                about = "about " if expected.is_estimate else ""
                numbers = f"{about}{expected.traces:,} traces with {expected.spans:,} spans"
                click.echo(f"{_said(rule)} Would delete {numbers}.")
            else:
                gone += delete(engine, rule)
    if not dry_run:
        click.echo(
            f"Deleted {gone.traces:,} traces with {gone.spans:,} spans and {gone.blobs:,} contents."
        )


@click.command()
@click.argument("trace_ids", metavar="TRACE…", nargs=-1, required=True)
@store_option
def delete(trace_ids: tuple[str, ...], url: str) -> None:
    """Delete single traces by their ids, with all that hangs on them."""
    from spanbook.store.upkeep.deleting import delete_traces

    with _opened(url) as engine:
        gone = delete_traces(engine, trace_ids)
    click.echo(f"Deleted {gone.traces:,} traces with {gone.spans:,} spans.")
    if gone.traces < len(set(trace_ids)):
        missing = len(set(trace_ids)) - gone.traces
        raise StoreError(f"{missing:,} of these ids are not in the store.")


@click.command()
@store_argument
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
def check(url: str, repair: bool) -> None:
    """Say whether the store at URL is whole; exit with 1 if not."""
    from spanbook.store.upkeep.checking import check as find

    with _opened(url) as engine:
        found = find(engine, repair=repair)
        waiting = waiting_bytes(engine, url)
    for finding in found:
        mended = ", mended" if finding.is_mended else ""
        click.echo(f"{finding.count:,} {finding.what}{mended}")
    if waiting:
        click.echo(f"{waiting:,} bytes wait in the journal; spanbook ingest takes over what ended")
    if not found:
        click.echo("The store is whole.")
    elif not all(finding.is_mended for finding in found):
        raise click.exceptions.Exit(1)


@click.command()
@store_argument
def vacuum(url: str) -> None:
    """Give back the space of what was deleted from the store at URL; writers wait meanwhile."""
    from spanbook.store.backends.upkeep import upkeep_of
    from spanbook.store.upkeep.words import index_anew

    with _opened(url) as engine:
        upkeep = upkeep_of(engine)
        with engine.connect() as connection:
            before = upkeep.bytes_held(connection)
            forgets = upkeep.can_forget(connection)
        if not forgets:
            index_anew(engine)
        upkeep.shrink(engine)
        with engine.connect() as connection:
            after = upkeep.bytes_held(connection)
    click.echo(f"{before:,} bytes before, {after:,} after.")


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@store_option
def backup(target: Path, url: str) -> None:
    """Copy the store into the new file TARGET, while programs go on writing."""
    from spanbook.store.backends.upkeep import upkeep_of

    with _opened(url) as engine:
        upkeep_of(engine).back_up(engine, target)
    click.echo(f"{target} holds the store as it is now, {target.stat().st_size:,} bytes.")


@click.command()
@click.argument("source", type=StoreAddress())
@click.argument("target", type=StoreAddress())
def copy(source: str, target: str) -> None:
    """Copy all traces of the store SOURCE into the store TARGET, and prove that they are there.

    Either may be of any kind. Begun again, it goes on where it broke off, and takes what is new.
    """
    from spanbook.store.upkeep.comparing import compare
    from spanbook.store.upkeep.copying import copy_store

    if source == target:
        raise StoreError("Source and target are the same store; name two.")
    next_word = time.monotonic() + _EVERY

    def say(seen: int, total: int) -> None:
        nonlocal next_word
        if time.monotonic() >= next_word:
            next_word = time.monotonic() + _EVERY
            click.echo(f"{seen:,} of {total:,} traces", err=True)

    with _opened(source) as one, _opened(target, is_new=True) as other:
        copied = copy_store(one, other, say)
        click.echo(f"{copied.copied:,} traces copied, {copied.known:,} were there.")
        found = compare(one, other)
    for name in found.source.__dataclass_fields__:
        here, there = getattr(found.source, name), getattr(found.target, name)
        click.echo(f"{name:<14}{here:>20,}{there:>20,}  {'agree' if here == there else 'DIFFER'}")
    if not found.agrees:
        named = ", ".join(found.differing)
        raise StoreError(
            f"The stores differ about {named}. If programs write to {shown(source)}, copy again."
        )
