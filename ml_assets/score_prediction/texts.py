"""What a prediction says of itself, in Korean and as JSON.

Belongs here: words, and columns of text made of columns of numbers. Not here: numbers.

Numbers that are shown have one decimal, so that there are few different ones: each is written once and taken by place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.score_prediction.intervals import UNCALIBRATED
from ml_assets.score_prediction.scale import GRADE_BOUNDS, PERCENTILE, RAW, MonotoneMap, grade_of_percentile

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

FACTORS: Final[Mapping[str, str]] = {
    "past_exams": "지난 시험 성적",
    "trend": "최근 흐름",
    "effort": "학습량",
    "kind": "다른 종류의 시험 성적",
    "cohort": "시험의 종류와 시기",
}
"""Codes of what moves a prediction, and how a student is told of it: associated with it, never because of it."""

_KINDS: Final = {"mock": "모의고사", "internal": "내신"}
_UNITS: Final = {PERCENTILE: "백분위", RAW: "원점수"}


def factors(rows: pd.DataFrame) -> Texts:
    """JSON array of each row: the cohort's mean, then the parts of FACTORS of 0.1 points or more, with a text."""
    found = '[{"code": "cohort_mean", "points": ' + _plain(rows["cohort_mean"]) + "}"
    for code, name in FACTORS.items():
        value = rows[code].to_numpy(np.float64)

        def written(point: float, code: str = code, name: str = name) -> str:
            if point == 0:
                return ""
            text = f"{name}과 관련해 {point:+.1f}점" if _ends_in_consonant(name) else f"{name}와 관련해 {point:+.1f}점"
            return ", " + json.dumps({"code": code, "points": point, "text": text}, ensure_ascii=False)

        found = found + _each(value, written)
    return _objects(found + "]")


def reasoning(rows: pd.DataFrame, interval_basis: str) -> Texts:
    """One to four Korean sentences of each row: what is expected, with what it goes together, and how sure it is."""
    day = _each_text(rows["exam_date"], lambda date: f"{date.month}월 {date.day}일")
    past = rows["past_count"].to_numpy(np.float64)
    said = _series(rows) + ", " + day + ": " + _with_range(rows) + _largest(rows)
    unknown = np.where(rows["group_count"].to_numpy(np.float64) > 0, _NO_SCORE_OF_KIND, _NO_SCORE)
    said = said + np.where(past == 0, unknown, np.where(past == 1, _ONE_SCORE, ""))
    return _objects(said + (_UNSURE if interval_basis == UNCALIBRATED else ""))


def cohort_reasoning(rows: pd.DataFrame) -> Texts:
    """The sentence of a cohort's row."""
    return _objects("성적이 없어 또래의 성적으로 어림했습니다. " + _series(rows) + ": " + _with_range(rows))


_NO_SCORE: Final = " 이 교과의 지난 시험이 없어 다른 교과와 또래의 성적으로 어림한 값이라 범위가 넓습니다."
_NO_SCORE_OF_KIND: Final = " 이 종류의 지난 시험이 없어 이 교과의 다른 시험 성적으로 어림한 값입니다."
_ONE_SCORE: Final = " 지난 시험이 한 번뿐이라 범위가 넓습니다."
_UNSURE: Final = " 아직 맞혀 본 기록이 없어 범위는 어림입니다."


def _series(rows: pd.DataFrame) -> Texts:
    return _objects(rows["subject_group"].to_numpy(object) + " " + _each_text(rows["exam_kind"], _KINDS.__getitem__))


def _with_range(rows: pd.DataFrame) -> Texts:
    expected = _each_text(rows["scale"], _UNITS.__getitem__) + " " + _plain(rows["predicted"])
    return _objects(expected + " (열에 여덟은 " + _plain(rows["lower"]) + "~" + _plain(rows["upper"]) + ").")


def scales(rows: pd.DataFrame, maps: Mapping[str, MonotoneMap]) -> Texts:
    """JSON object of each row: the 80 % interval as a set of 등급, and on the scales that `maps` reach."""
    is_placed = (rows["scale"] == PERCENTILE).to_numpy(bool)
    said = np.full(len(rows), "", dtype=object)
    low, high = rows["lower"].to_numpy(np.float64), rows["upper"].to_numpy(np.float64)
    levels = rows["grade_levels"].to_numpy(np.float64)
    for number in GRADE_BOUNDS:
        own = is_placed & (levels == number)
        best, worst = grade_of_percentile(high[own], number), grade_of_percentile(low[own], number)

        def written(code: float, number: int = number) -> str:
            grades = list(range(int(code) // 10, int(code) % 10 + 1))
            return f'"rank_grade_levels": {number}, "rank_grades": {grades}'

        said[own] = _each((10 * best + worst).astype(np.float64), written)
    series = rows["exam_kind"].to_numpy(object) + "/" + rows["subject_group"].to_numpy(object)
    for other in (RAW, "standard_score"):
        for name in np.unique(series.astype(str)):
            if f"{name}/{other}" not in maps:
                continue
            own = is_placed & (series == name)
            told = {
                key: _plain(_read(maps[f"{name}/{other}"], rows[key][own])) for key in ("predicted", "lower", "upper")
            }
            text = f'"{other}": {{"predicted": ' + told["predicted"] + ', "lower": ' + told["lower"]
            said[own] = said[own] + np.where(said[own] == "", "", ", ") + text + ', "upper": ' + told["upper"] + "}"
    return _objects("{" + said + "}")


def _read(on: MonotoneMap, percentile: pd.Series) -> pd.Series:
    return pd.Series(np.round(on(percentile.to_numpy(np.float64)), 1), index=percentile.index)


def _largest(rows: pd.DataFrame) -> Texts:
    """The two parts that move each prediction most, of at least half a point."""
    values = np.stack([rows[code].to_numpy(np.float64) for code in FACTORS])
    told = np.stack([_each(own, partial(_moved, name)) for own, name in zip(values, FACTORS.values(), strict=True)])
    order = np.argsort(-np.abs(values), axis=0, kind="stable")
    first, second = (told[order[place], np.arange(len(rows))] for place in (0, 1))
    both = first + np.where(second == "", "", ", ") + second
    return _objects(np.where(first == "", "", " 또래 평균과의 차이에 " + both + "이 관련됩니다."))


def _moved(name: str, points: float) -> str:
    return f"{name} {points:+.1f}점" if abs(points) >= _WORTH_SAYING else ""


_WORTH_SAYING: Final = 0.5


def _plain(values: pd.Series) -> Texts:
    return _each(values.to_numpy(np.float64), lambda value: f"{value:g}")


def _each(values: Floats, write: Callable[[float], str]) -> Texts:
    """`write` of each value, called once for equal ones."""
    unique, place = np.unique(values, return_inverse=True)
    return np.array([write(float(value)) for value in unique], dtype=object)[place]


def _each_text(values: pd.Series, write: Callable[[Any], str]) -> Texts:
    place, unique = pd.factorize(values)
    return np.array([write(value) for value in unique], dtype=object)[place]


def _objects(values: npt.NDArray[Any]) -> Texts:
    return values.astype(object)


def _ends_in_consonant(word: str) -> bool:
    return (ord(word[-1]) - ord("가")) % 28 != 0
