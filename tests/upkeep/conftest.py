"""The store of the storing tests, to be looked after."""

from tests.storing.conftest import shelf

__all__ = ["shelf"]
