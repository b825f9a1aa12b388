"""Patterns as JSON and in Korean.

Belongs here: columns of text made of columns of numbers. Not here: numbers.

A text is made once of each different value, and joined column by column.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Texts = npt.NDArray[np.object_]


def number(values: npt.ArrayLike, digits: int = 0) -> Texts:
    """Each value as a JSON number of so many decimals; null where it is NaN."""
    # Minus nothing is nothing.
    rounded = np.asarray(np.round(np.asarray(values, dtype=np.float64), digits) + 0.0, dtype=np.float64)
    return _each(rounded, lambda value: "null" if np.isnan(value) else f"{value:.{digits}f}")


def word(values: Sequence[Any] | npt.NDArray[Any] | pd.Series) -> Texts:
    """Each value as JSON: a text, yes or no, or null."""
    code, unique = pd.factorize(np.asarray(values, dtype=object), use_na_sentinel=False)
    return np.array([json.dumps(_plain(value), ensure_ascii=False) for value in unique], dtype=object)[code]


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return None if pd.isna(value) else value


def obj(fields: Mapping[str, Texts]) -> Texts:
    """A JSON object of each row."""
    parts = [f'"{name}": ' + values for name, values in fields.items()]
    return _within("{", parts, "}")


def array(items: Sequence[Texts]) -> Texts:
    """A JSON array of each row, of the items at its place."""
    return _within("[", items, "]")


def where(condition: npt.NDArray[np.bool_], texts: Texts, other: str = "null") -> Texts:
    """`texts`, but `other` where not `condition`."""
    return np.where(condition, texts, other).astype(object)


def gathered(students: int, student: npt.NDArray[np.int64], items: Texts, opening: str, closing: str) -> Texts:
    """The items of each student in one text, in the order given; `student` ascends."""
    made = np.full(students, opening + closing, dtype=object)
    if len(items):
        first = np.flatnonzero(np.r_[True, student[1:] != student[:-1]])
        made[student[first]] = opening + np.add.reduceat(_separated(items, first), first) + closing
    return made


def _separated(items: Texts, first: npt.NDArray[np.intp]) -> Texts:
    separator = np.full(len(items), ", ", dtype=object)
    separator[first] = ""
    joined: Texts = separator + items
    return joined


def _within(opening: str, parts: Sequence[Texts], closing: str) -> Texts:
    found: Texts = opening + parts[0]
    for part in parts[1:]:
        found = found + ", " + part
    return np.asarray(found + closing, dtype=object)


def _each(values: npt.NDArray[np.float64], write: Callable[[float], str]) -> Texts:
    unique, place = np.unique(values, return_inverse=True)
    return np.array([write(float(value)) for value in unique], dtype=object)[place]


def change_texts(changes: pd.DataFrame, as_of: dt.date) -> Texts:
    """What each break of `changes` means, in Korean: since when, or from when to when, and by how much."""
    size = (changes["after"] - changes["before"]).round().to_numpy(np.float64)
    since = _day(changes["first_day"], as_of)
    until = _day(changes["last_day"], as_of)
    much = _each(np.abs(size), lambda value: f"{value:.0f}")
    more = size > 0
    lasts = changes["last_day"].isna().to_numpy()
    minutes = (changes["kind"] == "minutes").to_numpy()
    said = np.select(
        [minutes & lasts, minutes, lasts],
        [
            since + "부터 하루 평균 " + much + "분 " + _either(more, "더", "덜") + " 공부하고 있습니다.",
            since
            + "부터 "
            + until
            + "까지는 그 전보다 하루 평균 "
            + much
            + "분 "
            + _either(more, "더", "덜")
            + " 공부했습니다.",
            since + "부터 주당 완료한 계획이 " + much + "개 " + _either(more, "늘었습니다.", "줄었습니다."),
        ],
        since
        + "부터 "
        + until
        + "까지는 그 전보다 주당 완료한 계획이 "
        + much
        + "개 "
        + _either(more, "많았습니다.", "적었습니다."),
    )
    return np.asarray(said, dtype=object)


def _either(condition: npt.NDArray[np.bool_], yes: str, no: str) -> Texts:
    return np.where(condition, yes, no).astype(object)


def _day(days: pd.Series, as_of: dt.date) -> Texts:
    code, unique = pd.factorize(days, use_na_sentinel=False)
    return np.array([_said(day, as_of) for day in unique], dtype=object)[code]


def _said(day: Any, as_of: dt.date) -> str:
    if pd.isna(day):
        return ""
    year = "" if day.year == as_of.year else f"{day.year}년 "
    return f"{year}{day.month}월 {day.day}일"
