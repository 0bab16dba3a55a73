"""Prices in the store: those that gave a cost, by content, and those that the user added."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from spanbook.pricing.own import OwnPrice, OwnPrices
from spanbook.pricing.rates import Price, read_rates
from spanbook.store.schema import own_prices, prices
from spanbook.store.statements import KEEP, Insert

_INSERT = Insert(prices, [column.name for column in prices.c if column.name != "pk"], KEEP)
_OWN = select(
    own_prices.c.pk,
    own_prices.c.provider,
    own_prices.c.model,
    own_prices.c.start_ns,
    own_prices.c.rates,
).order_by(own_prices.c.pk)


class PriceNumbers:
    """The numbers that prices have in one store, for one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[int, int] = {}  # by identity: those asked for are kept
        self._kept: list[Price] = []

    def of(self, price: Price) -> int:
        """Return the number of `price`, which is stored if it is new."""
        found = self._known.get(id(price))
        if found is None:
            found = self._known[id(price)] = self._find(price)
            self._kept.append(price)
        return found

    def _find(self, price: Price) -> int:
        statement = select(prices.c.pk).where(prices.c.hash == price.hash)
        found = self._connection.execute(statement).scalar()
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
