"""Bytes that travel as hexadecimal text, where a driver takes them for text otherwise."""

from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Dialect, String, TypeDecorator, func


class Hex(TypeDecorator[bytes]):
    """Bytes in a database whose strings may hold any."""

    impl = String
    cache_ok = True

    def column_expression(self, column: ColumnElement[bytes]) -> ColumnElement[Any]:
        """Read digits."""
        return func.hex(column, type_=self)

    def bind_expression(self, bindparam: BindParameter[bytes]) -> ColumnElement[Any]:
        """Turn digits into bytes where they are compared or written."""
        return func.unhex(bindparam)

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Return the digits of `value`."""
        return None if value is None else bytes(value).hex()

    def process_result_value(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Return the bytes that digits stand for."""
        return None if value is None else bytes.fromhex(value)
