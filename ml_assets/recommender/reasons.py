"""Why a content is recommended: codes with parameters, and the Korean sentences made of them.

Belongs here: which counts are worth saying, and the words. Not here: counting, ranking.

A reason is a count that can be checked, never the sign of a weight, and says nothing about fewer than `min_support`
students. Codes, most informative first:

- `similar_students` {base_content_id, students, next_students, days}: of the students who started a content that this
  student has started too, so many started this one within so many days after it
- `popular_in_course` {students, days}: so many students started it within so many days before the cut-off
- `studying` {subject_group}: it belongs to a subject group that the student is studying
- `in_subject_group` {subject_group}: it belongs to the subject group; for lists that are nobody's own
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from ml_assets.recommender.candidates import Floats, Ints
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.model import CourseModel

AlwaysTrue = Literal["studying", "in_subject_group"]

EVIDENCE: Final = [
    "subject_group",
    "content_type",
    "recent_starters",
    "base_content_id",
    "base_content_type",
    "base_students",
    "next_students",
]

_NOUNS: Final = {"book": "교재", "lecture": "강의", "custom": "콘텐츠"}
_SENTENCES: Final = {
    "similar_students": (
        "이미 공부한 {base}를 시작했던 학생 {students}명 중 {next_students}명이 {days}일 안에 이 {noun}도 시작했어요."
    ),
    "popular_in_course": "최근 {days}일 동안 학생 {students}명이 이 {noun}를 시작했어요.",
    "studying": "지금 공부하고 있는 {subject_group} 교과의 {noun}예요.",
    "in_subject_group": "{subject_group} 교과의 {noun}예요.",
}


def find_bases(
    course: CourseModel, ages: Floats, rows: Ints, columns: Ints, config: RecommenderConfig
) -> tuple[Ints, Ints]:
    """For each recommended (row, column) the content from which most students went on to it, and how many did.

    Chosen among the student's `base_contents` latest starts of the course (`ages`: students × contents), by the share
    of those who started it; the later start wins a tie. -1 and 0 where no share reaches `min_next_share`.
    """
    contents = len(course.contents)
    next_students = np.zeros((contents, contents), dtype=np.int64)
    next_students[course.next_from, course.next_to] = course.next_students
    share = next_students / np.maximum(course.starters, 1)[:, None]
    latest = np.argsort(ages, axis=1, kind="stable")[:, : config.base_contents]
    has_started = np.isfinite(np.take_along_axis(ages, latest, axis=1))
    best = np.full(len(rows), -1, dtype=np.int64)
    best_share = np.full(len(rows), np.nextafter(config.min_next_share, 0.0))
    for place in range(latest.shape[1]):
        base = latest[rows, place]
        found = np.where(has_started[rows, place], share[base, columns], 0.0)
        is_better = found > best_share
        best = np.where(is_better, base, best)
        best_share = np.where(is_better, found, best_share)
    return best, np.where(best >= 0, next_students[best, columns], 0)


def explain(evidence: pd.DataFrame, always: AlwaysTrue, config: RecommenderConfig) -> pd.DataFrame:
    """Columns `reasons` (JSON) and `reasoning` (Korean), one row per row of `EVIDENCE`, in its order.

    Many students share the same evidence, so the text is made once for each distinct one.
    """
    number = evidence.groupby(EVIDENCE, sort=False, dropna=False).ngroup().to_numpy()
    distinct = evidence.iloc[np.unique(number, return_index=True)[1]][EVIDENCE].astype(object)
    texts = [_text(dict(zip(EVIDENCE, row, strict=True)), always, config) for row in distinct.to_numpy()]
    return pd.DataFrame(texts, columns=["reasons", "reasoning"], dtype="str").iloc[number].reset_index(drop=True)


def _text(row: dict[str, Any], always: AlwaysTrue, config: RecommenderConfig) -> tuple[str, str]:
    reasons: list[tuple[str, dict[str, Any]]] = []
    if row["next_students"] >= config.min_support:
        params = {"base_content_id": row["base_content_id"], "students": row["base_students"]}
        reasons.append(
            ("similar_students", {**params, "next_students": row["next_students"], "days": config.next_days})
        )
    if row["recent_starters"] >= config.min_support:
        reasons.append(("popular_in_course", {"students": row["recent_starters"], "days": config.recent_days}))
    reasons.append((always, {"subject_group": row["subject_group"]}))
    nouns = {"noun": _NOUNS.get(row["content_type"], "콘텐츠"), "base": _NOUNS.get(row["base_content_type"], "콘텐츠")}
    return (
        json.dumps([{"code": code, "params": params} for code, params in reasons], ensure_ascii=False),
        " ".join(_SENTENCES[code].format(**nouns, **params) for code, params in reasons[:2]),
    )
