"""Arrays and tables of other libraries, of which the shape and the beginning are kept.

None of the libraries is imported: whoever has such an object has imported its library.
"""

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING, Any, cast

from spanbook import placeholders
from spanbook.classes import class_of
from spanbook.gate.secrets import REDACTED, is_secret
from spanbook.placeholders import JSON

if TYPE_CHECKING:
    from spanbook.gate.walk import Walk

VECTOR = 64  # floats that make a list a vector
ROWS = 20
COLUMNS = 100


def is_vector(values: Any) -> bool:
    """Return whether a list holds nothing but numbers, at least one of them a float."""
    if type(values) is not list:
        return False
    kinds = list(map(class_of, cast("list[Any]", values)))
    # Compared by identity: a metaclass may define `==`.
    return any(kind is float for kind in kinds) and all(
        kind is float or kind is int for kind in kinds
    )


def numpy_array(walk: "Walk", value: Any, depth: int) -> JSON:
    """Read a numpy array of any shape."""
    first = value.flat[: walk.items]
    if value.dtype.kind in "mM":
        first = first.astype(str)
    return _array(walk, value.shape, value.dtype, first.tolist(), depth)


def numpy_scalar(walk: "Walk", value: Any, depth: int) -> JSON:
    """Read a numpy scalar as the Python value nearest to it."""
    if value.dtype.kind in "mM":
        return str(value)
    item = value.item()
    return walk.value(float(value) if type(item) is type(value) else item, depth)


def pandas_frame(walk: "Walk", value: Any, depth: int) -> JSON:
    """Read a pandas data frame without its index."""
    part = value.iloc[:ROWS, :COLUMNS]
    rows = part.itertuples(index=False, name=None)
    return _table(walk, value.shape, list(part.columns), rows, depth)


def pandas_series(walk: "Walk", value: Any, depth: int) -> JSON:
    """Read a pandas series or index."""
    first = value.array[: walk.items]
    return _array(walk, value.shape, value.dtype, list(first), depth)


def polars_frame(walk: "Walk", value: Any, depth: int) -> JSON:
    """Read a polars data frame."""
    part = value[:ROWS, :COLUMNS]
    return _table(walk, value.shape, list(part.columns), part.rows(), depth)


def polars_series(walk: "Walk", value: Any, depth: int) -> JSON:
    """Read a polars series."""
    return _array(walk, value.shape, value.dtype, value.head(walk.items).to_list(), depth)


def torch_tensor(walk: "Walk", value: Any, depth: int) -> JSON:
    """Read a torch tensor; one on another device without values, since those must be waited for."""
    on_cpu = value.device.type == "cpu"
    first: list[Any] = value.detach().reshape(-1)[: walk.items].tolist() if on_cpu else []
    return _array(walk, value.shape, value.dtype, first, depth)


def _array(walk: "Walk", shape: Iterable[int], dtype: Any, first: list[Any], depth: int) -> JSON:
    sizes: list[JSON] = [int(size) for size in shape]
    if walk.gate.hides_vectors and prod(shape) >= VECTOR and is_vector(first):
        return placeholders.hidden()
    values = walk.sequence(first, max(depth, 1))
    return {"$": "array", "shape": sizes, "dtype": str(dtype), "values": values}


def _table(
    walk: "Walk", shape: Iterable[int], columns: list[Any], rows: Iterable[Any], depth: int
) -> JSON:
    secret = [i for i, name in enumerate(columns) if type(name) is str and is_secret(name)]
    cells = [list(row) for row in rows]
    for row in cells:
        for index in secret:
            row[index] = REDACTED
    sizes: list[JSON] = [int(size) for size in shape]
    kept = max(depth, 2)
    return {
        "$": "table",
        "shape": sizes,
        "columns": walk.sequence(columns, kept),
        "rows": walk.sequence(list(cells), kept),
    }
