"""What a risk says of itself, in Korean and as JSON.

Belongs here: words, and columns of text made of columns of numbers. Not here: numbers.

Numbers that are shown have one decimal, so that there are few different ones: each is written once and taken by place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

PARTS: Final[Mapping[str, str]] = {
    "level": "최근 성적 수준",
    "decline": "성적이 내려가는 흐름",
    "spread": "시험마다 성적이 달라지는 폭",
    "no_gain": "공부한 것에 비해 적은 성적 향상",
}
"""Codes of what a risk is made of, and how a student is told of it."""

POINTS: Final = "points_"
"""What the columns of the parts begin with."""

_TRENDS: Final = {1.0: "오르는 흐름이에요", 0.0: "큰 변화가 없어요", -1.0: "내려가는 흐름이에요"}


def factors(rows: pd.DataFrame) -> Texts:
    """JSON array of each row: every part with points, which add up to the risk; empty where there is none."""
    found = np.full(len(rows), "", dtype=object)
    for code, name in PARTS.items():

        def written(points: float, code: str = code, name: str = name) -> str:
            if np.isnan(points) or points == 0:
                return ""
            text = f"{name} +{points:.1f}점"
            return ", " + json.dumps({"code": code, "points": points, "text": text}, ensure_ascii=False)

        found = found + _each(rows[POINTS + code], written)
    inner = np.array([text[2:] for text in found], dtype=object)
    return _objects("[" + inner + "]")


def reasoning(rows: pd.DataFrame) -> Texts:
    """Korean sentences of each row: the risk, level, direction, and whether the subject group is weak."""
    count = _each(rows["exam_count"], lambda number: f"{number:.0f}")
    known = "시험 " + count + "번의 성적으로 본 위험도는 100점 중 " + _tenths(rows["risk_score"]) + "점이에요. "
    known = known + "성적 수준은 9등급제로 " + _tenths(rows["level_grade"]) + "등급쯤이고, "
    known = known + _each(rows["recent_grade_trend"], lambda trend: _TRENDS[float(np.nan_to_num(trend))]) + "."
    behind = (rows["own_percentile"] - rows["percentile"]).round(1)
    own = " 내 교과 평균보다 백분위가 " + _tenths(behind) + "점 낮아 먼저 보강하면 좋아요."
    weak = np.where(behind > 0, own, " 먼저 보강하면 좋은 교과예요.")
    known = known + np.where(rows["is_weak"], weak, "")
    few = np.where(
        rows["exam_count"] > 0,
        "성적이 있는 시험이 " + count + "번뿐이라 아직 위험도를 말할 수 없어요.",
        "성적이 있는 시험이 없어 아직 위험도를 말할 수 없어요.",
    )
    return _objects(rows["subject_group"].to_numpy(object) + ": " + np.where(rows["risk_score"].notna(), known, few))


def code_lists(codes: Mapping[str, npt.NDArray[np.bool_]], rows: int) -> Texts:
    """JSON array of each of `rows`: the names of `codes` that hold."""
    found = np.full(rows, "", dtype=object)
    for name, holds in codes.items():
        found = found + np.where(holds, f', "{name}"', "").astype(object)
    inner = np.array([text[2:] for text in found], dtype=object)
    return _objects("[" + inner + "]")


def _tenths(values: pd.Series) -> Texts:
    return _each(values, lambda value: "" if np.isnan(value) else f"{value:.1f}")


def _each(values: pd.Series, write: Callable[[float], str]) -> Texts:
    """`write` of each value, called once for equal ones."""
    unique, place = np.unique(values.to_numpy(np.float64), return_inverse=True)
    return np.array([write(float(value)) for value in unique], dtype=object)[place]


def _objects(values: npt.NDArray[Any]) -> Texts:
    return np.asarray(values, dtype=object)
