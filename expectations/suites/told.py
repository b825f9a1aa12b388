"""Rules about columns that hold JSON or lists, which no ready check looks into.

Belongs here: rules that more than one suite asks. Not here: of which columns they are asked (the suites).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import duckdb
import pandas as pd

from expectations import bounds
from expectations.spec import FrameRule

_WELL_TOLD: Final = """
    with told as (
        select total, is_open, case when json_valid(parts) then from_json(parts, $shape) end as parts
        from (select total, is_open, parts::varchar as parts from rows)
    )
    select count(*) from told
    where
        len(list_filter(parts, lambda part: part.{name} <> '' and isfinite(part.{points}) and part.{text} <> ''))
            = len(parts)
        and (
            is_open
            or abs(coalesce(list_sum(list_transform(parts, lambda part: part.{points})), 0) - total) <= $within
        )
"""


def adding_up(
    column: str,
    keys: tuple[str, str, str],
    total: tuple[str, Callable[[pd.DataFrame], pd.Series]],
    columns: tuple[str, ...],
    *,
    unless_null: bool = False,
) -> FrameRule:
    """`column` is a JSON array of objects with a name, a number and a text (`keys`), and the numbers come to `total`.

    `total` says so in words and computes it from `columns`; where it is null the rule is broken, or with `unless_null`
    nothing need add up.
    """
    name, points, text = keys
    query = _WELL_TOLD.format(name=name, points=points, text=text)
    shape = f'[{{"{name}": "VARCHAR", "{points}": "DOUBLE", "{text}": "VARCHAR"}}]'

    def violations(frame: pd.DataFrame) -> int:
        wanted = total[1](frame)
        rows = pd.DataFrame({"parts": frame[column], "total": wanted, "is_open": unless_null & wanted.isna()})
        with duckdb.connect() as database:
            database.register("rows", rows)
            asked = {"shape": shape, "within": bounds.ADDING_UP}
            [(well_told,)] = database.execute(query, asked).fetchall()
        return len(rows) - int(well_told)

    return FrameRule(
        "parts_add_up",
        (column, *columns),
        f"must be objects of {name}, {points} and {text} that add up to {total[0]}, within {bounds.ADDING_UP}",
        violations,
    )


def each_within(column: str, values: Collection[object]) -> FrameRule:
    """Every element of the lists in `column` is one of `values`, and none comes twice; no list at all breaks this."""
    allowed = list(values)

    def violations(frame: pd.DataFrame) -> int:
        lists = frame[column].reset_index(drop=True)
        elements = lists.explode()
        filled = elements[lists.map(_length).reindex(elements.index) > 0]
        is_repeated = pd.DataFrame({"row": filled.index, "value": filled.to_numpy()}).duplicated().to_numpy()
        broken = set(filled.index[~filled.isin(allowed).to_numpy() | is_repeated])
        return len(broken | set(lists.index[lists.map(_length) < 0]))

    known = ", ".join(map(str, allowed))
    return FrameRule(f"each_{column}", (column,), f"must hold only {known}, each once", violations)


def number(frame: pd.DataFrame, column: str) -> pd.Series:
    """The column as numbers; what is none is null."""
    return pd.to_numeric(frame[column], errors="coerce").astype("float64")


def _length(value: object) -> int:
    """Of a list; -1 of anything else."""
    return len(value) if isinstance(value, Collection) and not isinstance(value, str) else -1
