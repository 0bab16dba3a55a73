"""Prices in the store: those that gave a cost, by content, and those that the user added."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select

from spanbook.pricing.own import OwnPrice, OwnPrices
from spanbook.pricing.rates import Price, Rates, rates_json, read_rates
from spanbook.store.database import writing
from spanbook.store.schema import own_prices, prices
from spanbook.store.statements import KEEP, Insert

_INSERT = Insert(prices, [column.name for column in prices.c if column.name != "pk"], KEEP)
_ADD = Insert(own_prices, [column.name for column in own_prices.c if column.name != "pk"])
_OWN = select(
    own_prices.c.pk,
    own_prices.c.provider,
    own_prices.c.model,
    own_prices.c.start_ns,
    own_prices.c.rates,
).order_by(own_prices.c.pk)


class PriceNumbers:
    """The numbers that prices have in one store, for one transaction."""

    def __init__(self, connection: Connection, *, dry: bool = False) -> None:
        """Read and write through `connection`; a `dry` one does not write."""
        self._connection = connection
        self._dry = dry
        self._known: dict[int, int] = {}  # by identity: those asked for are kept
        self._kept: list[Price] = []

    def of(self, price: Price) -> int:
        """Return the number of `price`, which is stored if it is new; dry, that is 0."""
        found = self._known.get(id(price))
        if found is None:
            found = self._known[id(price)] = self._find(price)
            self._kept.append(price)
        return found

    def _find(self, price: Price) -> int:
        statement = select(prices.c.pk).where(prices.c.hash == price.hash)
        found = self._connection.execute(statement).scalar()
        if found is None and self._dry:
            return 0
        if found is None:
            content = (price.provider, price.model, price.source, price.start_ns, price.rates_json)
            _INSERT.run(self._connection, [(price.hash, *content)])
            found = self._connection.execute(statement).scalar_one()
        return found


def read_own(connection: Connection) -> Sequence[Any]:
    """Return the rows of the prices that the user added."""
    return connection.execute(_OWN).all()


def own_of(rows: Sequence[Any]) -> OwnPrices:
    """Return the prices that `rows` hold."""
    return OwnPrices(
        OwnPrice(pk, provider, model, start_ns, read_rates(rates))
        for pk, provider, model, start_ns, rates in rows
    )


def add_own(
    engine: Engine,
    provider: str | None,
    model: str,
    start_ns: int | None,
    rates: Rates,
    at_ns: int,
) -> None:
    """Keep a price of the user's; it takes the place of one for the same and from the same day."""
    with engine.connect() as connection, writing(connection):
        _remove(connection, provider, model, start_ns)
        _ADD.run(connection, [(provider, model, start_ns, rates_json(rates), at_ns)])


def remove_own(engine: Engine, provider: str | None, model: str, start_ns: int | None) -> int:
    """Remove a price of the user's; return how many there were."""
    with engine.connect() as connection, writing(connection):
        return _remove(connection, provider, model, start_ns)


def _remove(connection: Connection, provider: str | None, model: str, start_ns: int | None) -> int:
    here = (
        func.lower(own_prices.c.model) == model.lower(),
        own_prices.c.provider.is_(None) if provider is None else own_prices.c.provider == provider,
        own_prices.c.start_ns.is_(None) if start_ns is None else own_prices.c.start_ns == start_ns,
    )
    number = connection.execute(select(func.count()).where(*here)).scalar_one()
    if number:
        connection.execute(delete(own_prices).where(*here))
    return number
