"""Academies whose students' places are known, and frames of single scores by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.subject_risk.inputs import GROUP, SubjectRiskInput
from ml_assets.subject_risk.scale import percentile_of_z

AS_OF = dt.date(2026, 9, 7)
GROUPS = ("국어", "수학", "영어", "사회")
MOCKS = ("2024-03-01", "2024-06-01", "2024-09-01", "2025-03-01", "2025-06-01", "2025-09-01", "2026-03-01", "2026-06-01")
TERMS = ("2024-07-10", "2024-12-15", "2025-07-10", "2025-12-15", "2026-07-10")
LATER = ("2026-10-01", "2026-11-01")


def score(student: str, group: str, date: str, kind: str = "mock", **values: Any) -> dict[str, Any]:
    """One score; what is not given is unknown."""
    empty = dict.fromkeys(("raw_score", "percentile", "percentile_basis", "rank_grade", "rank_grade_levels"))
    return {
        "score_id": f"{student}-{group}-{kind}-{date}",
        "student_id": student,
        "subject_group": group,
        "exam_kind": kind,
        "exam_type": "kice" if kind == "mock" else "school",
        "exam_date": date,
        "known_date": min(date, "2026-09-01"),
        **empty,
        **values,
    }


def placed(student: str, group: str, date: str, percentile: float, kind: str = "mock", **values: Any) -> dict[str, Any]:
    """One score with a percentile."""
    basis = "percentile" if kind == "mock" else "class_rank"
    return score(student, group, date, kind, percentile=percentile, percentile_basis=basis, **values)


def frames(
    scores: list[dict[str, Any]] | pd.DataFrame,
    done: dict[tuple[str, str], float] | None = None,
    tenants: dict[str, str] | None = None,
    studied: list[tuple[str, str]] | None = None,
) -> SubjectRiskInput:
    """Inputs of these scores; `done` are plans in the week of 2026-08-31, `studied` groups that may have no score."""
    rows = pd.DataFrame(scores, columns=list(score("", "", "")))
    pairs = rows[GROUP].drop_duplicates().to_records(index=False).tolist() + (studied or [])
    courses = pd.DataFrame(pairs, columns=GROUP).drop_duplicates()
    students = sorted(set(courses["student_id"]))
    weekly = pd.DataFrame(
        [(*pair, "2026-08-31", count) for pair, count in (done or {}).items()],
        columns=[*GROUP, "week_start", "done_count"],
    )
    return SubjectRiskInput(
        as_of=AS_OF,
        students=pd.DataFrame(
            {
                "student_id": students,
                "tenant_id": [(tenants or {}).get(student, "t1") for student in students],
                "school_type": "HIGH",
                "school_year_level": 2.0,
            }
        ),
        scores=rows,
        weekly=weekly,
        subjects=courses.head(0),
        courses=courses,
    )


def made(students: int = 120, seed: int = 0, noise: float = 0.3, sits: float = 0.8) -> tuple[Any, pd.DataFrame, Any]:
    """Inputs of a class, its hidden truth (as the generated academies tell it), and the scores that come after.

    A student's group stands where the student does, ± 0.8 for the strong and the weak one, and moves a little. Mock
    exams of 영어 are 절대평가: raw points of an easy exam, and the 등급 of the points.
    """
    rng = np.random.default_rng(seed)
    names = [f"s{number:04}" for number in range(students)]
    order = rng.permuted(np.tile(np.arange(4), (students, 1)), axis=1)
    ability = rng.normal(size=(students, 1)) * 0.7 + rng.normal(size=(students, 4)) * 0.2
    rows = np.arange(students)
    ability[rows, order[:, 0]] -= 0.8
    ability[rows, order[:, 1]] += 0.8
    slope = rng.normal(size=(students, 4)) * 0.2
    parts = []
    for kind, days in (("mock", MOCKS + LATER), ("internal", TERMS)):
        for day in days:
            years = (pd.Timestamp(day) - pd.Timestamp(AS_OF)).days / 365.25
            for place, group in enumerate(GROUPS):
                z = ability[:, place] + slope[:, place] * years + rng.normal(size=students) * noise
                raw = np.clip(np.round((75 if group == "영어" else 60) + 16 * z), 0, 100)
                is_absolute = kind == "mock" and group == "영어"
                grade = np.clip(10 - raw // 10, 1, 9)
                percentile = np.interp(grade, np.arange(1, 10), [98, 92.5, 83, 68.5, 50, 31.5, 17, 7.5, 2])
                part = pd.DataFrame(
                    {
                        "student_id": names,
                        "subject_group": group,
                        "exam_kind": kind,
                        "exam_type": "kice" if kind == "mock" else "school",
                        "exam_date": day,
                        "known_date": day,
                        "raw_score": raw,
                        "percentile": percentile if is_absolute else percentile_of_z(z),
                        "percentile_basis": "absolute_grade" if is_absolute else "percentile",
                        "rank_grade": grade,
                        "rank_grade_levels": 9.0,
                    }
                )
                parts.append(part[rng.random(students) < sits])
    every = pd.concat(parts, ignore_index=True)
    every["score_id"] = [f"x{number:06}" for number in range(len(every))]
    hidden = pd.DataFrame(ability, columns=[f"ability_{group}" for group in GROUPS]).assign(
        student_id=names,
        weak_subject=np.array(GROUPS)[order[:, 0]],
        strong_subject=np.array(GROUPS)[order[:, 1]],
    )
    is_later = every["exam_date"].isin(LATER)
    tenants = {name: f"t{number % 2}" for number, name in enumerate(names)}
    return frames(every[~is_later], tenants=tenants), hidden, every[is_later].astype({"exam_date": "datetime64[s]"})
