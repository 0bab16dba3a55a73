"""The commands `spanbook prices …` and `spanbook recompute-costs`: what models cost."""

import re
import time
from typing import TYPE_CHECKING, Any

import click

from spanbook.commands.address import store_option
from spanbook.errors import PriceError
from spanbook.moments import moment
from spanbook.usage import COUNTS

if TYPE_CHECKING:
    from spanbook.pricing.rates import Price, Rates
    from spanbook.reading.costs import CostExplanation

_PROVIDER = click.option("--provider", help="Only for calls to this provider.")
_SINCE = click.option("--since", metavar="DATE", help="From when on, such as 2026-01-31.")
_RATES = tuple(name.replace("_", "-") for name in COUNTS)
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


def _rate_options(command: Any) -> Any:
    for name in reversed(_RATES):
        command = click.option(f"--{name}", metavar="DOLLARS", help="For a million tokens.")(
            command
        )
    return command


@click.group()
def prices() -> None:
    """Show, add and explain what models cost, in US dollars for a million tokens."""


@prices.command("list")
@click.argument("model", required=False)
@store_option
def list_(model: str | None, url: str) -> None:
    """List your own prices, and with MODEL those of all models with that in their name."""
    from spanbook.pricing.rates import OWN
    from spanbook.reading.book import Book

    with Book(url) as book:
        found = book.prices(model)
    shown = [price for price in found if model is not None or price.source == OWN]
    for price in shown:
        click.echo(_line(price))
    listed = len(found) - len(shown)
    if listed:
        click.echo(f"{listed:,} more in {found[-1].source}. Name a model to see its price.")
    if not found:
        click.echo(f"No price for {model}." if model else "No prices. " + _ADVICE)


_ADVICE = "Install a list: pip install 'spanbook[prices]'. Or add one: spanbook prices add."


def _line(price: "Price") -> str:
    since = "" if price.start_ns is None else f"  since {moment(price.start_ns):%Y-%m-%d}"
    seller = price.provider or "any provider"
    return f"{price.model}  {seller}  {_rates(price.rates)}{since}  ({price.source})"


def _rates(rates: "Rates") -> str:
    from spanbook.pricing.rates import written

    words: list[str] = []
    for name, rate in rates.items():
        steps = "".join(f", {written(to)} above {start:,}" for start, to in rate.steps)
        words.append(f"{name} {written(rate.base)}{steps}")
    return " · ".join(words)


@prices.command()
@click.argument("model")
@_rate_options
@_PROVIDER
@_SINCE
@store_option
def add(model: str, provider: str | None, since: str | None, url: str, **given: str | None) -> None:
    """Add a price for MODEL, which wins over any list."""
    from spanbook.reading.book import Book

    rates = {name: value for name, value in given.items() if value is not None}
    with Book(url) as book:
        book.add_price(model, provider=provider, since=since, **rates)
    click.echo("Added. Spans that are stored keep their cost until: spanbook recompute-costs")


@prices.command()
@click.argument("model")
@_PROVIDER
@_SINCE
@store_option
def remove(model: str, provider: str | None, since: str | None, url: str) -> None:
    """Remove a price of your own; it is named as it was added."""
    from spanbook.reading.book import Book

    with Book(url) as book:
        if not book.remove_price(model, provider=provider, since=since):
            raise PriceError(
                f"There is no such price for {model}. See: spanbook prices list {model}"
            )
    click.echo("Removed.")


@prices.command()
@click.argument("what", metavar="SPAN_OR_MODEL")
@_PROVIDER
@click.option("--tier", help="The service tier, such as flex or batch.")
@store_option
def explain(what: str, provider: str | None, tier: str | None, url: str) -> None:
    """Say how the cost of a span came about, or which price a call of a model has now."""
    from spanbook.reading.book import Book
    from spanbook.reading.costs import explain_cost, find_spans, price_now

    with Book(url) as book:
        found = find_spans(book.engine, what) if _SPAN_ID.fullmatch(what) else []
        for trace_id in found:
            _explain(explain_cost(book.engine, trace_id, what))
        if not found:
            price = price_now(book.engine, provider, what, tier)
            click.echo(price if isinstance(price, str) else _line(price))


def _explain(told: "CostExplanation") -> None:
    from spanbook.pricing.rates import written

    span = told.span
    click.echo(f"{span.name}  {span.model or 'no model'}  {span.provider or 'no provider'}")
    if told.price is not None:
        click.echo(f"price     {_line(told.price)}")
    if span.tier is not None:
        click.echo(f"tier      {span.tier}")
    for share in told.shares:
        times = f"{share.tokens:,} × {written(share.rate)} / 1,000,000"
        click.echo(f"          {share.part}: {times} = {written(share.amount)}")
    for name, amount in (("computed", span.computed_cost), ("reported", span.reported_cost)):
        if amount is not None:
            click.echo(f"{name:<9} {written(amount)} US dollars")
    if not span.counted and span.usage is not None:
        click.echo("not counted: a span below reported this usage")
    for name, words in (("unpriced", span.unpriced), ("anomaly", span.anomaly)):
        if words is not None:
            click.echo(f"{name:<9} {words}")


@click.command("recompute-costs")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--since", metavar="DATE", help="Only spans from then on, such as 2026-01-31.")
@click.option("--model", help="Only spans of this model.")
@store_option
def recompute_costs(dry_run: bool, since: str | None, model: str | None, url: str) -> None:
    """Price stored spans again, by the prices of their day that are known now.

    What providers reported stays. Programs may go on recording meanwhile.
    """
    from spanbook.pricing.own import own_start
    from spanbook.reading.book import Book
    from spanbook.store.recomputing import recompute_costs

    started = time.monotonic()
    with Book(url) as book:
        done = recompute_costs(book.engine, dry_run=dry_run, since_ns=own_start(since), model=model)
    would = "would change" if dry_run else "changed"
    seconds = time.monotonic() - started
    click.echo(f"spans     {done.spans:,} with usage, {done.changed:,} {would} ({seconds:.1f} s)")
    click.echo(
        f"cost      {_dollars(done.before.total)} before, {_dollars(done.after.total)} after"
    )
    click.echo(f"unpriced  {done.before.unpriced:,} before, {done.after.unpriced:,} after")


def _dollars(amount: Any) -> str:
    from spanbook.pricing.rates import written

    return f"${written(amount)}"
