"""Why a content is recommended: codes with parameters, and the Korean sentences made of them.

Belongs here: which facts are worth saying, and the words. Not here: counting, ranking.

A reason is a fact that can be checked, never the sign of a weight, and says nothing about fewer than `min_support`
students. `REASONS` has them all, most informative first; each row gets the first `max_reasons` that hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ml_assets.recommender.candidates import Floats, Ints
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.model import CourseModel

Holds = Callable[[pd.DataFrame, RecommenderConfig], "pd.Series[bool]"]


@dataclass(frozen=True)
class Reason:
    """A code, when it may be said, which columns of `EVIDENCE` are its parameters, and its sentence.

    `settings` are parameters that are the same for all rows, and where they are from in the configuration.
    """

    code: str
    holds: Holds
    params: dict[str, str]
    sentence: str
    settings: dict[str, str] | None = None


NOUNS: Final = {"book": "교재", "lecture": "강의", "custom": "콘텐츠"}
_LEVELS: Final = {1: "개념", 2: "기본", 3: "심화", 4: "최상"}

EVIDENCE: Final = (
    "content_type",
    "subject_group",
    "is_studied",
    "previous_content_id",
    "volume_number",
    "base_content_id",
    "base_content_type",
    "base_students",
    "next_students",
    "is_weak",
    "percentile",
    "own_percentile",
    "planners",
    "planned_items",
    "done_items",
    "level",
    "own_level",
    "levels_known",
    "recent_starters",
    "starters",
)
"""Columns of the evidence of a row, all of it counted from what was known before the cut-off.

- previous_content_id: the volume before it, which the student has begun; null for none
- base_*: what the student has started and others went on from: its starters, and those who started this soon after
- is_weak, percentile, own_percentile: whether the subject group is weak by `RecommenderInput.weak_subjects`, where the
  student stands in it, and on average over their groups
- planners, planned_items, done_items: students who planned it, their plan items on it, and those of them done
- level, own_level, levels_known: difficulty 1 to 4, the mean of what the student has started in the group, of how many
- recent_starters, starters: students who started it lately, and ever
"""

REASONS: Final = (
    Reason(
        "next_volume",
        lambda rows, _: rows["previous_content_id"].notna(),
        {"base_content_id": "previous_content_id", "volume": "volume_number"},
        "이미 시작한 시리즈의 {volume}번째 {noun}예요.",
    ),
    Reason(
        "similar_students",
        lambda rows, config: rows["next_students"] >= config.min_support,
        {"base_content_id": "base_content_id", "students": "base_students", "next_students": "next_students"},
        "이미 공부한 {base}를 시작했던 학생 {students}명 중 {next_students}명이 {days}일 안에 이 {noun}도 시작했어요.",
        {"days": "next_days"},
    ),
    Reason(
        "weak_subject",
        # A student who is at risk in all subject groups alike is below no mean of their own, and the sentence compares.
        lambda rows, _: rows["is_weak"] & (rows["percentile"] < rows["own_percentile"]),
        {"subject_group": "subject_group", "percentile": "percentile", "own_percentile": "own_percentile"},
        "시험 성적으로 보면 {subject_group} 백분위가 {percentile}점쯤으로, 내 전체 교과 평균 {own_percentile}점보다 "
        "낮아 보강하면 좋은 교과예요.",
    ),
    Reason(
        "often_completed",
        lambda rows, config: (
            (rows["planners"] >= config.min_support)
            & (rows["done_items"] >= config.high_completion * rows["planned_items"])
        ),
        {"students": "planners", "planned_items": "planned_items", "done_items": "done_items"},
        "학생 {students}명이 이 {noun}로 세운 계획 {planned_items}개 중 {done_items}개를 끝까지 마쳤어요.",
    ),
    Reason(
        "fitting_level",
        lambda rows, config: (
            (rows["levels_known"] >= config.least_levels)
            & ((rows["level"] - rows["own_level"]).abs() <= config.fitting_levels)
        ),
        {"subject_group": "subject_group", "level": "level", "own_level": "own_level", "contents": "levels_known"},
        "난이도가 '{level_name}'이라서, 지금까지 시작한 {subject_group} 콘텐츠 {contents}개의 평균 난이도와 비슷해요.",
    ),
    Reason(
        "popular_in_course",
        lambda rows, config: rows["recent_starters"] >= config.min_support,
        {"students": "recent_starters"},
        "최근 {days}일 동안 학생 {students}명이 이 {noun}를 시작했어요.",
        {"days": "recent_days"},
    ),
    Reason(
        "studying",
        lambda rows, _: rows["is_studied"],
        {"subject_group": "subject_group"},
        "지금 공부하고 있는 {subject_group} 교과의 {noun}예요.",
    ),
    Reason(
        "in_subject_group",
        lambda rows, _: ~rows["is_studied"],
        {"subject_group": "subject_group"},
        "{subject_group} 교과의 {noun}예요.",
    ),
    Reason(
        "rarely_started",
        lambda rows, config: rows["starters"] < config.min_support,
        {},
        "시작한 학생이 아직 {fewer_than}명이 안 되는 {noun}예요.",
        {"fewer_than": "min_support"},
    ),
)


def find_bases(
    course: CourseModel, ages: Floats, rows: Ints, columns: Ints, config: RecommenderConfig
) -> tuple[Ints, Ints]:
    """For each recommended (row, column) the content from which most students went on to it, and how many did.

    Chosen among the student's `base_contents` latest starts of the course (`ages`: students × contents), by the share
    of those who started it; the later start wins a tie. -1 and 0 where no share reaches `min_next_share`.
    """
    latest = np.argsort(ages, axis=1, kind="stable")[:, : config.base_contents]
    has_started = np.isfinite(np.take_along_axis(ages, latest, axis=1))
    best = np.full(len(rows), -1, dtype=np.int64)
    best_share = np.full(len(rows), np.nextafter(config.min_next_share, 0.0))
    for place in range(latest.shape[1]):
        base = latest[rows, place]
        share = _next_students(course, base, columns) / np.maximum(course.starters[base], 1)
        found = np.where(has_started[rows, place], share, 0.0)
        is_better = found > best_share
        best = np.where(is_better, base, best)
        best_share = np.where(is_better, found, best_share)
    return best, np.where(best >= 0, _next_students(course, best, columns), 0)


def _next_students(course: CourseModel, base: Ints, columns: Ints) -> Ints:
    """How many students went on from each `base` to the content beside it; 0 for a pair that `course` does not have."""
    if not len(course.next_from):
        return np.zeros(len(base), dtype=np.int64)
    pairs = course.next_from * len(course.contents) + course.next_to
    order = np.argsort(pairs)
    wanted = base * len(course.contents) + columns
    place = order[np.minimum(np.searchsorted(pairs, wanted, sorter=order), len(pairs) - 1)]
    found: Ints = np.where(pairs[place] == wanted, course.next_students[place], 0)
    return found


def explain(evidence: pd.DataFrame, config: RecommenderConfig) -> pd.DataFrame:
    """Columns `reasons` (a JSON list of {"code", "params"}) and `reasoning` (Korean), one row per row of `EVIDENCE`.

    `reasoning` are the sentences of the first two reasons. Rows share most of their texts, so that each is made once.
    """
    said = np.zeros(len(evidence), dtype=np.int64)
    reasons, reasoning = (np.full(len(evidence), "", dtype=object) for _ in range(2))
    for reason in REASONS:
        rows = np.flatnonzero(reason.holds(evidence, config).to_numpy(dtype=bool) & (said < config.max_reasons))
        texts = _texts(reason, evidence.iloc[rows], config)
        reasons[rows] += np.where(said[rows] > 0, ", ", "") + texts["json"].to_numpy(dtype=object)
        is_told = said[rows] < _TOLD
        told = rows[is_told]
        reasoning[told] += np.where(said[told] > 0, " ", "") + texts["sentence"].to_numpy(dtype=object)[is_told]
        said[rows] += 1
    return pd.DataFrame({"reasons": "[" + reasons + "]", "reasoning": reasoning}, dtype="str")


_TOLD: Final = 2


def _texts(reason: Reason, rows: pd.DataFrame, config: RecommenderConfig) -> pd.DataFrame:
    """Columns `json` and `sentence` for each of `rows`; made once for rows that share what they say."""
    columns = [*reason.params.values(), "content_type", "base_content_type"]
    number, first = distinct(rows[columns])
    settings = {name: getattr(config, field) for name, field in (reason.settings or {}).items()}
    made = []
    for values in rows[columns].iloc[first].astype(object).to_numpy():
        found = dict(zip(columns, values, strict=True))
        params = {name: _plain(found[column]) for name, column in reason.params.items()} | settings
        made.append(
            (json.dumps({"code": reason.code, "params": params}, ensure_ascii=False), _say(reason, found, params))
        )
    return pd.DataFrame(made, columns=["json", "sentence"], dtype=object).iloc[number]


def distinct(rows: pd.DataFrame) -> tuple[Ints, Ints]:
    """Number of each row among the distinct ones, and where each of these comes first."""
    number = np.asarray(rows.groupby(list(rows.columns), sort=False, dropna=False).ngroup(), dtype=np.int64)
    return number, np.unique(number, return_index=True)[1].astype(np.int64)


def _plain(value: Any) -> Any:
    """A number as short as JSON can say it: 3.0 is 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _say(reason: Reason, found: dict[str, Any], params: dict[str, Any]) -> str:
    nouns = {
        "noun": NOUNS.get(found["content_type"], "콘텐츠"),
        "base": NOUNS.get(found["base_content_type"], "콘텐츠"),
        "level_name": _LEVELS.get(params.get("level", 0), ""),
    }
    return reason.sentence.format(**nouns, **params)
