"""Columns of the raw tables from NumPy arrays, and the random streams behind them.

Belongs here: shaping values for COPY. Not here: what the values mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
# Places of the 32 digits in 8-4-4-4-12.
_DIGITS = np.array([i for i in range(36) if i not in (8, 13, 18, 23)])


class Stream(IntEnum):
    """One independent random stream per domain, so that a change in one leaves the others as they were."""

    IDS = 1
    TRAITS = 2
    PEOPLE = 3
    CATALOGUE = 4
    SHELVES = 5
    PLANS = 6
    STUDY = 7
    SCORES = 8
    ROUTINE = 9
    SETTINGS = 10


def stream(seed: int, which: Stream, chunk: int = 0) -> np.random.Generator:
    """Return the generator of one domain and chunk."""
    return np.random.default_rng([seed, which, chunk])


def uuids(rng: np.random.Generator, count: int) -> pa.StringArray:
    """Return `count` random version 4 UUIDs (RFC 4122) as text."""
    raw = np.frombuffer(rng.bytes(16 * count), dtype=np.uint8).reshape(count, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    text[:, _DIGITS[0::2]] = _HEX[raw >> 4]
    text[:, _DIGITS[1::2]] = _HEX[raw & 0x0F]
    offsets = np.arange(count + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))


def pick(values: pa.Array | Sequence[Any], index: Array, where: Array | None = None) -> pa.Array:
    """Return `values[index]`, null where `where` is false (the index is then not looked at)."""
    source = values if isinstance(values, pa.Array) else pa.array(values)
    return source.take(pa.array(index, mask=None if where is None else ~where))


def known(values: Array, where: Array) -> pa.Array:
    """Return `values`, null where `where` is false."""
    return pa.array(values, mask=~where)


def instants(seconds: Array, where: Array | None = None) -> pa.Array:
    """Return seconds since 1970 as timestamptz values in UTC, null where `where` is false."""
    return pa.array(seconds.astype(np.int64), mask=None if where is None else ~where).cast(pa.timestamp("s", tz="UTC"))


def dates(days: Array, where: Array | None = None) -> pa.Array:
    """Return days since 1970 as dates, null where `where` is false."""
    return pa.array(days.astype(np.int32), mask=None if where is None else ~where).cast(pa.date32())


def times(seconds: Array, where: Array | None = None) -> pa.Array:
    """Return seconds since midnight as times of day, null where `where` is false."""
    return pa.array(seconds.astype(np.int32), mask=None if where is None else ~where).cast(pa.time32("s"))


def table(columns: Mapping[str, Any]) -> pa.Table:
    """Return a table of `columns`; a scalar fills its whole column. At least one column must be an array."""
    count = next(len(value) for value in columns.values() if isinstance(value, pa.Array | np.ndarray))
    return pa.table(
        {
            name: value if isinstance(value, pa.Array | np.ndarray) else pa.repeat(pa.scalar(value), count)
            for name, value in columns.items()
        }
    )


def choose(rng: np.random.Generator, shares: Sequence[float], count: int) -> Array:
    """Return `count` indices drawn with the probabilities `shares` (normalised here)."""
    bounds = np.cumsum(np.asarray(shares, dtype=float))
    return np.searchsorted(bounds / bounds[-1], rng.random(count), side="right")
