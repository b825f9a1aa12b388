"""The rows that the app reads: every student's predictions, and those of cohorts.

Belongs here: which exams are asked about, rounding, and the columns of the two tables. Not here: predicting.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.score_prediction import texts
from ml_assets.score_prediction.horizons import INTERNAL, MOCK, SCHOOL, exam_calendar, school_year_start, weekly_dates
from ml_assets.score_prediction.inputs import SERIES, ScorePredictionInput
from ml_assets.score_prediction.model import ScorePredictor, deviation_of

Floats = npt.NDArray[np.float64]

PREDICTIONS: Final = (
    *(
        *SERIES,
        "target_date",
        "tenant_id",
        "current_score",
        "predicted_score",
        "lower",
        "upper",
        "lower_90",
        "upper_90",
    ),
    *("confidence", "trend", "factors", "reasoning", "scale", "scales", "exam_type", "interval_basis"),
    *("past_exam_count", "basis"),
)
COHORTS: Final = (
    *("tenant_id", "school_type", "school_year_level", "subject_group", "exam_kind", "predicted_score", "lower"),
    *("upper", "lower_90", "upper_90", "confidence", "reasoning", "scale", "scales", "interval_basis"),
    *("student_count", "basis"),
)
INSUFFICIENT: Final = "insufficient_data"

_STUDENTS: Final = 1_000
"""Students at once: some 300 000 rows of 60 numbers, 150 MB."""

_CALENDAR: Final = {"HIGH": (MOCK, INTERNAL), "MIDDLE": (INTERNAL,)}
"""Kinds of exam that are on the calendar, by school type. Of others nothing is known but what they have sat."""

_ROUNDED: Final = ("predicted", "lower", "upper", "lower_90", "upper_90", "current", "cohort_mean")


def predictions(model: ScorePredictor, inputs: ScorePredictionInput) -> pd.DataFrame:
    """Rows of serving.score_predictions (PREDICTIONS) for every student with a score, sorted by key."""
    series = _series(inputs)
    students = np.sort(series["student_id"].unique().astype(object))
    parts = []
    for low in range(0, len(students), _STUDENTS):
        chosen = series[series["student_id"].isin(students[low : low + _STUDENTS])]
        parts.append(_published(model, inputs, _asked(inputs, chosen, model)))
    if not parts:
        return pd.DataFrame(columns=list(PREDICTIONS))
    return pd.concat(parts, ignore_index=True)[list(PREDICTIONS)]


def cohorts(model: ScorePredictor, inputs: ScorePredictionInput) -> pd.DataFrame:
    """Rows of serving.fallback_score_predictions (COHORTS): what a student without any score is told.

    The mean prediction of the students of the academy, school type and year (also of the type, and of the academy),
    where there are `cohort_min_students`, with the interval of somebody of whom nothing is known.
    """
    series = _series(inputs)
    first = pd.Timestamp(weekly_dates(inputs.as_of, 1)[0])
    if series.empty:
        return pd.DataFrame(columns=list(COHORTS))
    rows = model.predict(inputs, _of_days(series, pd.DataFrame({"exam_date": [first]}), inputs))
    rows["school_type"] = rows["school_type"].fillna("")
    rows["level"] = rows["student_level"].fillna(0).astype("int64")
    key = ["tenant_id", "school_type", "level", "subject_group", "exam_kind", "scale"]
    wider = [rows, rows.assign(level=0), rows.assign(level=0, school_type="")]
    # A student whose year is unknown stands in the wider cohort already.
    every = pd.concat(wider).drop_duplicates(["student_id", *key])
    found = every.groupby(key).agg(
        center=("center", "mean"),
        exam_variance=("exam_variance", "mean"),
        exam_sd=("exam_sd", "mean"),
        noise=("noise", "mean"),
        grade_levels=("grade_levels", lambda levels: levels.mode().iloc[0]),
        student_count=("student_id", "nunique"),
    )
    found = found[found["student_count"] >= model.config.cohort_min_students].reset_index()
    found = found.sort_values("student_count", ascending=False, kind="stable").drop_duplicates(key[:-1])
    return _cohort_rows(model, found).sort_values(list(COHORTS[:5])).reset_index(drop=True)


def _cohort_rows(model: ScorePredictor, found: pd.DataFrame) -> pd.DataFrame:
    rows = found.assign(
        past_count=0.0,
        is_new_exam=False,
        school_year_level=found["level"],
        place_variance=model.level.components.total,
    )
    deviation = deviation_of(rows, model.exam_inflation)
    rows = _round(rows.assign(**model.interval(rows, rows["center"].to_numpy(np.float64), deviation)))
    return rows.assign(
        predicted_score=rows["predicted"],
        reasoning=texts.cohort_reasoning(rows),
        scales=texts.scales(rows, model.maps),
        interval_basis=model.calibration.interval_basis(),
        basis=INSUFFICIENT,
    )[list(COHORTS)]


def _series(inputs: ScorePredictionInput) -> pd.DataFrame:
    """Series that are predicted: of students with a score, each subject group they have one in or study now.

    Kinds of exam are those that students of the school type sit in the group. Columns: SERIES, tenant_id, school_type,
    student_level, scale, grade_levels, subject_id, course_start_date.
    """
    pair = ["student_id", "subject_group"]
    students = inputs.students.rename(columns={"school_year_level": "student_level"})
    known = inputs.known
    scored = known[pair].drop_duplicates()
    studied = inputs.courses[inputs.courses["student_id"].isin(scored["student_id"])][pair]
    pairs = pd.concat([scored, studied]).drop_duplicates().merge(students, on="student_id")
    peers = inputs.peers.rename(columns={"school_year_level": "student_level"})
    sat = known.merge(peers[["student_id", "school_type", "student_level"]], on="student_id")
    kinds = (
        sat.groupby(["school_type", "subject_group", "exam_kind", "scale"], dropna=False)
        .size()
        .rename("n")
        .reset_index()
    )
    kinds = kinds.sort_values("n", ascending=False, kind="stable").drop_duplicates(["school_type", *SERIES[1:]])
    series = pairs.merge(kinds.drop(columns="n"), on=["school_type", "subject_group"])
    graded = sat.dropna(subset=["rank_grade_levels"])
    own = graded.groupby(["student_id", "exam_kind"])["rank_grade_levels"].last()
    # Without a 등급 of their own, as many as most of their year have: nine, or five since the curriculum of 2022.
    year = ["school_type", "student_level", "exam_kind"]
    usual = graded.groupby(year, dropna=False)["rank_grade_levels"].agg(lambda levels: levels.mode().iloc[0])
    series = series.join(own.rename("grade_levels"), on=["student_id", "exam_kind"])
    series = series.join(usual.rename("usual_levels"), on=year)
    series["grade_levels"] = series["grade_levels"].fillna(series["usual_levels"]).fillna(9)
    series = series.merge(inputs.courses, on=pair, how="left")
    return series.sort_values(SERIES).reset_index(drop=True)


def _asked(inputs: ScorePredictionInput, series: pd.DataFrame, model: ScorePredictor) -> pd.DataFrame:
    """Every series on every day: weekly, and the exams of the calendar, which have a type of their own."""
    days = pd.DataFrame({"exam_date": weekly_dates(inputs.as_of, model.config.weekly_horizon_weeks)})
    calendar = exam_calendar(inputs.as_of, model.config.horizon_days)
    parts = [_of_days(series, days, inputs)]
    for school_type, kinds in _CALENDAR.items():
        for kind in kinds:
            own = series[(series["school_type"].str.upper() == school_type) & (series["exam_kind"] == kind)]
            exams = calendar[calendar["exam_kind"] == kind][["exam_date", "exam_type"]]
            parts.append(_of_days(own, exams, inputs))
    # A known exam on one of the weekly days takes its place.
    asked = pd.concat(parts, ignore_index=True)
    return asked.drop_duplicates([*SERIES, "exam_date"], keep="last").sort_values([*SERIES, "exam_date"])


def _of_days(series: pd.DataFrame, days: pd.DataFrame, inputs: ScorePredictionInput) -> pd.DataFrame:
    """`series` on each of `days`, as exams: type, place in the course, school year; `published_type` of known ones."""
    dated = days.assign(exam_date=pd.to_datetime(days["exam_date"]).astype("datetime64[s]"))
    rows = series.merge(dated, how="cross")
    rows["published_type"] = rows["exam_type"] if "exam_type" in days else None
    if "exam_type" not in days:
        rows = rows.join(_usual_types(inputs.known), on=["exam_kind", "subject_group"])
        rows["exam_type"] = rows["exam_type"].fillna(SCHOOL)
    year_start = school_year_start(rows["exam_date"])
    start = rows["course_start_date"].fillna(year_start)
    runs_by_year = (start.dt.month == 3) & (start.dt.day == 1)
    start = start.where(~runs_by_year, year_start)
    years_on = year_start.dt.year - school_year_start(pd.Series([pd.Timestamp(inputs.as_of)])).dt.year.iloc[0]
    return rows.assign(
        subject_id=rows["subject_id"].fillna(""),
        course_day=(rows["exam_date"] - start).dt.days.astype(np.float64),
        school_year_level=(rows["student_level"] + years_on).clip(upper=3).fillna(0.0),
        credit_hours=np.nan,
    )


def _usual_types(known: pd.DataFrame) -> pd.Series:
    """The type of exam that a subject group has most, by kind: what an ordinary week's exam would be."""
    count = known.groupby(["exam_kind", "subject_group", "exam_type"]).size().rename("n").reset_index()
    most = count.sort_values(["n", "exam_type"], ascending=[False, True], kind="stable")
    return most.drop_duplicates(["exam_kind", "subject_group"]).set_index(["exam_kind", "subject_group"])["exam_type"]


def _published(model: ScorePredictor, inputs: ScorePredictionInput, asked: pd.DataFrame) -> pd.DataFrame:
    rows = _add_up(_round(model.predict(inputs, asked)))
    basis = model.calibration.interval_basis()
    return rows.assign(
        target_date=rows["exam_date"],
        current_score=rows["current"],
        predicted_score=rows["predicted"],
        trend=_trend(rows, model.config.trend_points),
        factors=texts.factors(rows),
        reasoning=texts.reasoning(rows, basis),
        scales=texts.scales(rows, model.maps),
        exam_type=rows["published_type"],
        interval_basis=basis,
        past_exam_count=rows["past_count"].clip(upper=32_767).astype("int16"),
        basis=model.in_use,
    )[list(PREDICTIONS)]


def _round(rows: pd.DataFrame) -> pd.DataFrame:
    """Scores to tenths and confidence to hundredths: more would be false, and would change every night."""
    tenths = {name: rows[name].round(1) for name in _ROUNDED if name in rows}
    return rows.assign(**tenths, confidence=rows["confidence"].round(2))


def _add_up(rows: pd.DataFrame) -> pd.DataFrame:
    """Parts in tenths that still add up: what rounding leaves goes to the largest."""
    names = list(texts.FACTORS)
    parts = rows[names].to_numpy(np.float64)
    rounded = np.round(parts, 1)
    left = (rows["predicted"] - rows["cohort_mean"]).to_numpy(np.float64) - rounded.sum(axis=1)
    largest = np.argmax(np.abs(parts), axis=1)
    rounded[np.arange(len(rounded)), largest] += left
    # Minus nothing is nothing.
    return rows.assign(**{name: np.round(rounded[:, place], 1) + 0.0 for place, name in enumerate(names)})


def _trend(rows: pd.DataFrame, least: float) -> npt.NDArray[np.object_]:
    """What recent form adds, in words; unknown with fewer than two scores."""
    form = rows["trend"].to_numpy(np.float64)
    named = np.select([form >= least, form <= -least], ["improving", "declining"], "stable")
    return np.where(rows["past_count"].to_numpy(np.float64) < 2, "unknown", named).astype(object)
