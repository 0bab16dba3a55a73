"""Frames: rows as pandas DataFrames, column by column."""

# pandas brings no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Sequence
from typing import Any

import pandas

_NUMBERS = (
    "input_tokens",
    "output_tokens",
    "cache_read",
    "cache_write",
    "audio_input",
    "image_input",
    "reasoning",
    "audio_output",
)
_MONEY = ("cost", "reported_cost", "computed_cost")
_DOLLAR = 10**12  # of what the store counts money in


def frame(names: Sequence[str], rows: Sequence[Any]) -> pandas.DataFrame:
    """Return spans, given as the store's columns, as a DataFrame."""
    raw = pandas.DataFrame.from_records(rows, columns=list(names))
    start, end, first = (_times(raw[f"{name}_ns"]) for name in ("start", "end", "first_token"))
    columns: dict[str, Any] = {
        "trace_id": raw["trace_id"],
        "span_id": raw["span_id"],
        "parent_id": raw["parent_id"],
        "kind": raw["kind"],
        "name": raw["name"],
        "status": raw["status"],
        "start": start,
        "end": end,
        "duration": end - start,
        "first_token": first - start,
        "model": raw["model"],
        "provider": raw["provider"],
        **{name: raw[name].astype("Int64") for name in _NUMBERS},
        "total_tokens": (raw["input_tokens"] + raw["output_tokens"]).astype("Int64"),
        "estimated": raw["estimated"].astype("boolean"),
        "counted": raw["counted"].astype("boolean"),
        **{name: raw[name].astype("Float64") / _DOLLAR for name in _MONEY},
        **{name: raw[name] for name in ("tier", "unpriced", "anomaly")},
        "error_type": raw["error_type"],
    }
    return pandas.DataFrame(columns)


def _times(column: Any) -> Any:
    return pandas.to_datetime(column.astype("Int64"), unit="ns", utc=True)
