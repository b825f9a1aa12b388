"""Academies made by the very model that is fitted: what a student is made of is known, and so is what comes next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.score_prediction.inputs import ScorePredictionInput
from ml_assets.score_prediction.scale import band_moments, grade_of_percentile, percentile_of_z

AS_OF = dt.date(2026, 9, 7)  # a Monday
YEARS = ("2024", "2025", "2026")
GROUPS = ("국어", "수학")

_MOCKS = (("03-26", "education_office"), ("06-04", "kice"), ("09-03", "kice"), ("11-19", "csat"))
_TERMS = ("07-10", "12-15")


@dataclass(frozen=True, kw_only=True)
class Made:
    """How a class is made. Variances are those of `blup.Components`; `exam_sd` is that between the means of exams."""

    students: int = 120
    groups: Sequence[str] = GROUPS
    student: float = 0.3
    subject: float = 0.1
    recent: float = 0.1
    kind: float = 0.05
    length_days: float = 180.0
    noise: Mapping[str, float] | float = 0.3
    exam_sd: float = 0.15
    type_sd: float = 0.25
    """Between the types of a group: what makes a type that it never had hard to tell."""
    sits: float = 0.75
    mocks: Sequence[tuple[str, str]] = _MOCKS
    terms: Sequence[str] = _TERMS
    raw_terms: bool = True
    """School exams have a raw score alone: 60 ± 15, and no place among all takers."""
    seed: int = 0


def calendar(made: Made) -> pd.DataFrame:
    """Every exam of three years: exam_kind, exam_type, exam_date."""
    days = [("mock", kind, f"{year}-{day}") for year in YEARS for day, kind in made.mocks]
    days += [("internal", "school", f"{year}-{day}") for year in YEARS for day in made.terms]
    exams = pd.DataFrame(days, columns=["exam_kind", "exam_type", "exam_date"])
    return exams.assign(exam_date=pd.to_datetime(exams["exam_date"])).sort_values("exam_date", ignore_index=True)


def all_scores(made: Made) -> pd.DataFrame:
    """Scores of every exam of three years, as `ScorePredictionInput.scores`, before and after the cut-off."""
    rng = np.random.default_rng(made.seed)
    exams = calendar(made)
    days = (exams["exam_date"] - pd.Timestamp("2024-01-01")).dt.days.to_numpy(np.float64)
    fading = np.exp(-np.abs(days[:, None] - days[None]) / made.length_days)
    root = np.linalg.cholesky(fading + 1e-9 * np.eye(len(days)))
    of_kind = exams["exam_kind"].eq("mock").to_numpy(int)
    noise = np.array([made.noise if isinstance(made.noise, float) else made.noise[t] for t in exams["exam_type"]])
    level = rng.integers(1, 4, made.students)
    student = rng.normal(0, np.sqrt(made.student), made.students)
    recent = rng.normal(size=(made.students, len(days))) @ root.T * np.sqrt(made.recent)
    kinds = rng.normal(0, np.sqrt(made.kind), (made.students, 2))
    parts = []
    for group in made.groups:
        subject = rng.normal(0, np.sqrt(made.subject), made.students)
        place = student[:, None] + subject[:, None] + recent + kinds[:, of_kind]
        place = place + rng.normal(size=place.shape) * np.sqrt(noise)
        of_type = pd.factorize(exams["exam_type"])[0]
        mean = rng.normal(0, made.exam_sd, (4, len(days)))[level]
        mean = mean + rng.normal(0, made.type_sd, 8)[of_type]
        who, what = np.nonzero(rng.random(place.shape) < made.sits)
        parts.append(
            exams.iloc[what].assign(
                student_id=[f"s{number:04}" for number in who],
                subject_group=group,
                school_year_level=level[who].astype(np.float64),
                z=(place + mean)[who, what],
            )
        )
    scores = pd.concat(parts, ignore_index=True)
    return _as_scores(scores, made)


def _as_scores(rows: pd.DataFrame, made: Made) -> pd.DataFrame:
    is_raw = (rows["exam_kind"] == "internal") & made.raw_terms
    raw = (60 + 15 * rows["z"]).clip(0, 100)
    year_start = pd.to_datetime(rows["exam_date"].dt.year.astype(str) + "-03-01")
    return pd.DataFrame(
        {
            "score_id": [f"x{number:06}" for number in range(len(rows))],
            "student_id": rows["student_id"],
            "subject_group": rows["subject_group"],
            "subject_id": "id of " + rows["subject_group"],
            "exam_kind": rows["exam_kind"],
            "exam_type": rows["exam_type"],
            "exam_date": rows["exam_date"],
            "known_date": rows["exam_date"] + pd.Timedelta(days=5),
            "course_day": (rows["exam_date"] - year_start).dt.days.astype(np.float64),
            "school_year_level": rows["school_year_level"],
            "raw_score": raw.round(),
            "percentile": np.where(is_raw, np.nan, percentile_of_z(rows["z"].to_numpy()).round(2)),
            "percentile_basis": np.where(is_raw, None, "percentile"),
            "rank_grade": np.nan,
            "rank_grade_levels": np.nan,
            "standard_score": np.where(is_raw, np.nan, (100 + 20 * rows["z"]).round()),
            "credit_hours": np.nan,
        }
    )


def made_input(made: Made | None = None, as_of: dt.date = AS_OF) -> ScorePredictionInput:
    """What is known of a class before `as_of`."""
    return as_known(all_scores(made or Made()), as_of)


def as_known(scores: pd.DataFrame, as_of: dt.date = AS_OF) -> ScorePredictionInput:
    """`scores` known before `as_of`, of students of one academy's high school, who planned a little every week."""
    return ScorePredictionInput(
        as_of=as_of,
        students=students_of(scores),
        scores=scores[scores["known_date"] < pd.Timestamp(as_of)],
        effort=effort_of(scores, as_of),
        courses=courses_of(scores),
    )


def later_than(scores: pd.DataFrame, as_of: dt.date = AS_OF) -> pd.DataFrame:
    return scores[scores["known_date"] >= pd.Timestamp(as_of)]


def students_of(scores: pd.DataFrame) -> pd.DataFrame:
    students = scores.groupby("student_id", as_index=False)["school_year_level"].first()
    return students.assign(tenant_id="t1", school_type="HIGH")


def courses_of(scores: pd.DataFrame) -> pd.DataFrame:
    courses = scores[["student_id", "subject_group", "subject_id"]].drop_duplicates(["student_id", "subject_group"])
    return courses.assign(course_start_date=pd.Timestamp("2026-03-01"))


def effort_of(scores: pd.DataFrame, as_of: dt.date, weeks: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    pairs = scores[["student_id", "subject_group"]].drop_duplicates().sort_values(["student_id", "subject_group"])
    monday = pd.Timestamp(as_of) - pd.Timedelta(days=as_of.weekday())
    starts = pd.DataFrame({"week_start": [monday - pd.Timedelta(weeks=back) for back in range(1, weeks + 1)]})
    rows = pairs.merge(starts, how="cross")
    planned = rng.integers(1, 9, len(rows))
    done = rng.binomial(planned, 0.7)
    return rows.assign(
        planned_count=planned,
        done_count=done,
        carried_over_count=rng.binomial(planned - done, 0.5),
        net_seconds=np.where(rng.random(len(rows)) < 0.8, done * 1800.0, np.nan),
    )


def frames_of(inputs: ScorePredictionInput) -> dict[str, Any]:
    return {name: getattr(inputs, name) for name in ("as_of", "students", "scores", "effort", "courses")}


def with_scores(inputs: ScorePredictionInput, *rows: dict[str, Any]) -> ScorePredictionInput:
    """`inputs` and a few scores more; what a row does not say is as in the first score there is."""
    first = inputs.scores.iloc[0].to_dict()
    added = pd.DataFrame([{**first, "score_id": f"added {number}", **row} for number, row in enumerate(rows)])
    return replace(inputs, scores=pd.concat([inputs.scores, added], ignore_index=True))


def graded(scores: pd.DataFrame, group: str, levels: int) -> pd.DataFrame:
    """`scores` with the school exams of `group` known as a 등급 of `levels` alone."""
    rows = (scores["subject_group"] == group) & (scores["exam_kind"] == "internal")
    place = percentile_of_z((scores.loc[rows, "raw_score"].to_numpy() - 60) / 15)
    grade = grade_of_percentile(place, levels)
    middle = percentile_of_z(band_moments(levels)[0])
    scores = scores.copy()
    scores.loc[rows, "percentile"] = middle[grade - 1]
    scores.loc[rows, "percentile_basis"] = f"rank_grade_{levels}"
    scores.loc[rows, "rank_grade"] = grade
    scores.loc[rows, "rank_grade_levels"] = levels
    scores.loc[rows, "raw_score"] = np.nan
    return scores


def sitting(scores: pd.DataFrame, student: str, group: str, *percentiles: float, kind: str = "mock") -> pd.DataFrame:
    """A student's scores in the latest exams of `kind` and `group`, as many as `percentiles`, before the cut-off."""
    exams = scores[(scores["subject_group"] == group) & (scores["exam_kind"] == kind)]
    exams = exams[(exams["school_year_level"] == 2) & (exams["known_date"] < pd.Timestamp(AS_OF))]
    latest = exams.drop_duplicates("exam_date").sort_values("exam_date").tail(len(percentiles))
    ids = [f"{student} {group} {kind} {number}" for number in range(len(latest))]
    return latest.assign(score_id=ids, student_id=student, percentile=list(percentiles))
