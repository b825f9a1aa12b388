"""Columns of JSON text out of columns of values, without a loop over rows.

Belongs here: writing. Not here: what is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Texts = npt.NDArray[np.object_]

_END: Final = "\x1f"
"""Between the arrays of two owners while they are one text; JSON text has no such sign, for it is escaped there."""


def written(values: pd.Series) -> Texts:
    """Each value as JSON: numbers, texts, booleans; null for a missing one. Equal values are written once.

    Whole numbers have no decimals; others as they are, so that the caller rounds.
    """
    place, unique = pd.factorize(values, use_na_sentinel=True)
    names = [*(json.dumps(_plain(value), ensure_ascii=False) for value in unique), "null"]
    found: Texts = np.array(names, dtype=object)[place]
    return found


def objects(parts: Mapping[str, Texts]) -> Texts:
    """One JSON object a row, of parts that are JSON already."""
    found: Any = "{"
    for number, (name, texts) in enumerate(parts.items()):
        found = found + (", " if number else "") + json.dumps(name) + ": " + texts
    complete: Texts = np.asarray(found + "}", dtype=object)
    return complete


def of_frame(frame: pd.DataFrame) -> Texts:
    """One JSON object a row of `frame`, keys as its columns; {} for each where there are none."""
    return objects({str(name): written(frame[name]) for name in frame.columns})


def arrays(owners: pd.Series, items: Texts) -> pd.Series:
    """JSON array of the items of each owner, in their order, by owner. Rows of an owner stand together."""
    if not len(items):
        return pd.Series(dtype="object")
    is_first = ~owners.duplicated().to_numpy(bool)
    before = np.where(is_first, _END, ", ").astype(object)
    # The first array has no other before it.
    lists = "".join((before + items).tolist())[1:].split(_END)
    values = [f"[{each}]" for each in lists]
    return pd.Series(values, index=owners[is_first].to_numpy(), dtype="object")


def reasons(codes: Mapping[str, Mapping[str, pd.Series]]) -> Texts:
    """JSON object a row: of each part the first of its codes that holds, else null."""
    parts = {}
    for part, holding in codes.items():
        found = np.full(len(next(iter(holding.values()))), "null", dtype=object)
        for code, holds in reversed(list(holding.items())):
            found[holds.to_numpy(bool)] = json.dumps(code)
        parts[part] = found
    return objects(parts)


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value
