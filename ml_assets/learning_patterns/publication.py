"""The rows that the app reads: every student's patterns.

Belongs here: columns, rounding, and what is said to be measured. Not here: estimating anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.learning_patterns import texts
from ml_assets.learning_patterns.changes import change_points
from ml_assets.learning_patterns.completion import any_of_row, subject_rates, subject_trends
from ml_assets.learning_patterns.config import SLOTS, WEEKDAYS, LearningPatternConfig
from ml_assets.learning_patterns.inputs import LearningPatternInput
from ml_assets.learning_patterns.minutes import Fatigue, Ratio, fatigue
from ml_assets.learning_patterns.model import CURVE_HOURS, Habits, habits, placed
from ml_assets.learning_patterns.series import daily_series
from ml_assets.learning_patterns.shrinkage import Bools, Floats, Rates
from ml_assets.learning_patterns.texts import Texts
from ml_assets.learning_patterns.timing import lists_of, peak_hours, slots_told
from ml_assets.learning_patterns.weekly_rhythm import WeeklyRhythm, weekly_rhythm
from ml_assets.learning_patterns.work import work_minutes

PATTERNS: Final = (
    *("student_id", "tenant_id", "preferred_study_times", "strong_days", "weak_days", "frequently_incomplete_subjects"),
    *("overall_completion_rate", "average_daily_study_minutes", "total_plans_analyzed", "study_time_analysis"),
    *("day_analysis", "subject_completion_analysis", "daily_completion_curve", "weekly_pattern"),
    *("subject_performance_trend", "fatigue_indicators", "peak_productivity_hours", "avg_session_duration_minutes"),
    *("avg_weekly_completion_rate", "analyzed_period_start", "analyzed_period_end", "evidence", "weekly_rhythm"),
    *("change_points", "realistic_minutes", "basis"),
)
MEASURED: Final = "measured"
INSUFFICIENT: Final = "insufficient"

_SURE_RHYTHM: Final = 0.05
"""Chance of so strong a week where days do not differ, below which it is called the student's own."""


def patterns(inputs: LearningPatternInput, config: LearningPatternConfig | None = None) -> pd.DataFrame:
    """Rows of serving.student_learning_patterns (PATTERNS), one a student with a plan or timed study in the window.

    - text columns hold JSON (null as None), lists are Python lists; rates in percent where the app has them so
    - day_analysis and the others give the shrunk rate with `lower` and `upper`; null with nothing seen
    - evidence: of each figure `status` measured or insufficient, `n` and `minimum` in the figure's own unit, `lower`
      and `upper` of the 80 % interval (of the first of a list), and `probability` where something was decided
    - basis: measured where any figure is
    """
    config = config or LearningPatternConfig()
    found = habits(inputs, config)
    students = found.students
    if students.empty:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in PATTERNS})
    subjects = _subjects(inputs, found, config)
    evidence = _habit_evidence(found, config)
    series = _series(inputs, students, config)
    evidence |= {"weekly_rhythm": series.rhythm_evidence, "change_points": series.change_evidence}
    evidence |= {"frequently_incomplete_subjects": subjects.evidence}
    work = _work(inputs, students, config)
    evidence |= {"realistic_minutes": work.evidence}
    planned = found.overall.seen
    rows = pd.DataFrame(
        {
            "student_id": students["student_id"],
            "tenant_id": students["tenant_id"],
            "preferred_study_times": slots_told(found.timing.slots),
            "strong_days": _days(found.strong.told),
            "weak_days": _days(found.weak.told),
            "frequently_incomplete_subjects": subjects.names,
            "overall_completion_rate": _known(evidence["overall_completion_rate"], 100 * found.overall.mean, 2),
            "average_daily_study_minutes": _whole(evidence["average_daily_study_minutes"], found.daily_minutes.value),
            "total_plans_analyzed": planned.astype(np.int64),
            "study_time_analysis": _study_times(found, config),
            "day_analysis": _day_analysis(found, config),
            "subject_completion_analysis": subjects.analysis,
            "daily_completion_curve": _curve(found, config),
            "weekly_pattern": _weekly_pattern(found),
            "subject_performance_trend": subjects.trends,
            "fatigue_indicators": _fatigue(fatigue(found.daily, len(students), inputs.as_of, config)),
            "peak_productivity_hours": peak_hours(found.timing.peak, config),
            "avg_session_duration_minutes": _whole(
                evidence["avg_session_duration_minutes"], found.session_minutes.value
            ),
            "avg_weekly_completion_rate": _known(evidence["avg_weekly_completion_rate"], found.weekly.mean, 4),
            "analyzed_period_start": _first_days(found, inputs.as_of),
            "analyzed_period_end": (inputs.as_of - dt.timedelta(days=1)).isoformat(),
            "evidence": texts.obj({name: figure.text() for name, figure in evidence.items()}),
            "weekly_rhythm": series.rhythm,
            "change_points": series.changes,
            "realistic_minutes": work.text,
            "basis": np.where(
                np.any([figure.is_measured for figure in evidence.values()], axis=0), MEASURED, INSUFFICIENT
            ).astype(object),
        }
    )
    return rows[list(PATTERNS)]


@dataclass(frozen=True)
class Evidence:
    """How sure a figure of each student is: `n` seen of `minimum` needed, the interval, the probability of a choice."""

    is_measured: Bools
    n: Floats
    minimum: int
    lower: Floats | None = None
    upper: Floats | None = None
    probability: Floats | None = None
    digits: int = 3

    def text(self) -> Texts:
        """The JSON object of each row."""
        nothing = np.full(len(self.n), np.nan)
        fields = {
            "status": np.where(self.is_measured, f'"{MEASURED}"', f'"{INSUFFICIENT}"').astype(object),
            "n": texts.number(self.n),
            "minimum": np.full(len(self.n), str(self.minimum), dtype=object),
            "lower": texts.number(nothing if self.lower is None else self.lower, self.digits),
            "upper": texts.number(nothing if self.upper is None else self.upper, self.digits),
        }
        if self.probability is not None:
            fields["probability"] = texts.number(self.probability, 3)
        return texts.obj(fields)


def _habit_evidence(found: Habits, config: LearningPatternConfig) -> dict[str, Evidence]:
    timing, overall, level = found.timing, found.overall, config.interval_level
    row = np.arange(len(found.students))
    first = timing.slots.order[:, 0]
    lower, upper = overall.bounds(level)
    return {
        "preferred_study_times": Evidence(
            timing.slots.count > 0,
            timing.session_count,
            config.timing_min_sessions,
            timing.lower[row, first],
            timing.upper[row, first],
            timing.slots.chance,
        ),
        "peak_productivity_hours": Evidence(
            timing.peak.is_told, timing.session_count, config.timing_min_sessions, probability=timing.peak.chance
        ),
        "strong_days": Evidence(found.strong.is_measured, found.weekdays.seen.max(axis=1), config.part_min_plans),
        "weak_days": Evidence(found.weak.is_measured, found.weekdays.seen.max(axis=1), config.part_min_plans),
        "overall_completion_rate": Evidence(
            overall.seen >= config.rate_min_plans, overall.seen, config.rate_min_plans, 100 * lower, 100 * upper
        ),
        "avg_weekly_completion_rate": Evidence(
            (overall.seen >= config.rate_min_plans) & (found.weekly.weeks >= 2),
            found.weekly.weeks.astype(np.float64),
            2,
            found.weekly.lower,
            found.weekly.upper,
        ),
        "average_daily_study_minutes": _of_ratio(
            found.daily_minutes, found.daily_minutes.base, config.timed_min_days, level
        ),
        "avg_session_duration_minutes": _of_ratio(
            found.session_minutes, found.session_minutes.base, config.session_min_sessions, level
        ),
    }


def _of_ratio(found: Ratio, seen: Floats, minimum: int, level: float) -> Evidence:
    lower, upper = found.bounds(level)
    return Evidence(seen >= minimum, seen, minimum, lower, upper, digits=1)


def _days(told: Bools) -> pd.Series:
    return lists_of(np.broadcast_to(np.arange(told.shape[1]), told.shape).astype(np.int64), told)


def _known(evidence: Evidence, values: Floats, digits: int) -> Floats:
    return np.where(evidence.is_measured, np.round(values, digits), np.nan)


def _whole(evidence: Evidence, values: Floats) -> pd.Series:
    return pd.Series(_known(evidence, values, 0)).astype("Int64")


def _rate_fields(found: Rates, part: int, config: LearningPatternConfig) -> dict[str, Texts]:
    seen = found.seen[:, part] > 0
    own = Rates(found.done[seen, part], found.missed[seen, part], found.seen[seen, part])
    lower, upper = own.bounds(config.interval_level)
    return {
        name: _where_seen(seen, texts.number(100 * values, 1))
        for name, values in (("completionRate", own.mean), ("lower", lower), ("upper", upper))
    }


def _where_seen(seen: Bools, made: Texts) -> Texts:
    found = np.full(len(seen), "null", dtype=object)
    found[seen] = made
    return found


def _study_times(found: Habits, config: LearningPatternConfig) -> Texts:
    """The app's study_time_analysis, with the shrunk share of sessions and its interval."""
    timing = found.timing
    items = []
    for place, slot in enumerate(SLOTS):
        sessions, minutes = timing.sessions[:, place], timing.minutes[:, place]
        mean = np.divide(minutes, sessions, out=np.full(len(sessions), np.nan), where=sessions > 0)
        items.append(
            texts.obj(
                {
                    "slot": texts.word([slot] * len(sessions)),
                    "sessionCount": texts.number(sessions),
                    "totalMinutes": texts.where(timing.session_count > 0, texts.number(minutes)),
                    "averageSessionLength": texts.number(mean),
                    "sessionShare": texts.number(timing.share[:, place], 3),
                    "sessionShareLower": texts.number(timing.lower[:, place], 3),
                    "sessionShareUpper": texts.number(timing.upper[:, place], 3),
                    "planCount": texts.number(found.slot_rates.seen[:, place]),
                    **_rate_fields(found.slot_rates, place, config),
                }
            )
        )
    return texts.array(items)


def _day_analysis(found: Habits, config: LearningPatternConfig) -> Texts:
    """The app's day_analysis. Its progress of a plan is no longer kept there: averageProgress is what was completed."""
    planned = found.weekdays.seen
    done = found.weekday_done
    share = np.divide(100 * done, planned, out=np.full(planned.shape, np.nan), where=planned > 0)
    return texts.array(
        [
            texts.obj(
                {
                    "dayOfWeek": np.full(len(planned), str(day), dtype=object),
                    "planCount": texts.number(planned[:, day]),
                    "completedCount": texts.number(done[:, day]),
                    "averageProgress": texts.number(share[:, day], 1),
                    **_rate_fields(found.weekdays, day, config),
                }
            )
            for day in range(len(WEEKDAYS))
        ]
    )


def _curve(found: Habits, config: LearningPatternConfig) -> Texts:
    """Completion of what was begun, in three-hour steps, of those with enough plans; None without any."""
    counted = found.curve.seen >= config.part_min_plans
    steps = [f"{CURVE_HOURS * step:02}-{CURVE_HOURS * (step + 1):02}" for step in range(counted.shape[1])]
    rate = found.curve.mean
    student, step = np.nonzero(counted)
    items = texts.word([steps[place] for place in step]) + ": " + texts.number(rate[student, step], 3)
    made = texts.gathered(len(rate), student.astype(np.int64), items, "{", "}")
    return _or_none(any_of_row(counted), made)


def _weekly_pattern(found: Habits) -> Texts:
    """The app's weekly_pattern, from Monday; null where there was no plan, or nothing timed."""
    fields = {}
    for day in (*range(1, len(WEEKDAYS)), 0):
        planned = found.weekdays.seen[:, day] > 0
        fields[WEEKDAYS[day]] = texts.obj(
            {
                "avgCompletion": texts.where(planned, texts.number(found.weekdays.mean[:, day], 3)),
                "avgDuration": texts.number(found.weekday_minutes[:, day]),
            }
        )
    return texts.obj(fields)


def _fatigue(found: Fatigue) -> Texts:
    return texts.obj(
        {
            "streak_length": texts.number(found.streak.astype(np.float64)),
            "avg_session_decline": texts.word(found.session_decline),
            "late_night_increase": texts.word(found.late_increase),
        }
    )


def _first_days(found: Habits, as_of: dt.date) -> pd.Series:
    """The first day of each student within the window."""
    back = found.daily.groupby("student")["back"].max().reindex(range(len(found.students)))
    days = pd.Timestamp(as_of) - pd.to_timedelta(back, unit="D")
    return days.dt.strftime("%Y-%m-%d").reset_index(drop=True)


def _or_none(condition: Bools, made: Texts) -> Texts:
    said = made.copy()
    said[~condition] = None
    return said


@dataclass(frozen=True)
class _SubjectColumns:
    names: pd.Series
    analysis: Texts
    trends: Texts
    evidence: Evidence


def _subjects(inputs: LearningPatternInput, found: Habits, config: LearningPatternConfig) -> _SubjectColumns:
    students = len(found.students)
    rows = placed(inputs.subjects, found.students).rename(
        columns={"planned_84d_count": "planned", "done_84d_count": "done"}
    )
    rows = subject_rates(rows, found.overall, config)
    student = rows["student"].to_numpy(np.int64)
    counted = (rows["planned"] >= config.part_min_plans).to_numpy()
    told = counted & (rows["below"] >= config.decision_probability).to_numpy()
    open_ = counted & (rows["below"] > 1 - config.decision_probability).to_numpy()

    def any_of(chosen: npt.NDArray[np.bool_]) -> Bools:
        return np.bincount(student[chosen], minlength=students) > 0

    most = np.zeros(students)
    np.maximum.at(most, student, rows["planned"].to_numpy(np.float64))
    names = rows[told].groupby("student")["subject_group"].agg(list).reindex(range(students))
    return _SubjectColumns(
        names=names.map(lambda value: value if isinstance(value, list) else []),
        analysis=texts.gathered(students, student, _subject_items(rows), "[", "]"),
        trends=_trends(inputs, found, config),
        evidence=Evidence(any_of(told) | (any_of(counted) & ~any_of(open_)), most, config.part_min_plans),
    )


def _subject_items(rows: pd.DataFrame) -> Texts:
    return texts.obj(
        {
            "subject": texts.word(rows["subject_group"]),
            "planCount": texts.number(rows["planned"]),
            "completedCount": texts.number(rows["done"]),
            "incompletedCount": texts.number(rows["planned"] - rows["done"]),
            "completionRate": texts.number(100 * rows["rate"], 1),
            "lower": texts.number(100 * rows["lower"], 1),
            "upper": texts.number(100 * rows["upper"], 1),
        }
    )


def _trends(inputs: LearningPatternInput, found: Habits, config: LearningPatternConfig) -> Texts:
    rows = subject_trends(placed(inputs.weekly, found.students), inputs.as_of, config)
    student = rows["student"].to_numpy(np.int64)
    items = (
        texts.word(rows["subject_group"])
        + ": "
        + texts.obj(
            {
                "trend": texts.word(rows["trend"]),
                "slope": texts.number(rows["slope"], 4),
                "lower": texts.number(rows["lower"], 4),
                "upper": texts.number(rows["upper"], 4),
                "weeks": texts.number(rows["weeks"]),
            }
        )
    )
    made = texts.gathered(len(found.students), student, items, "{", "}")
    return _or_none(np.bincount(student, minlength=len(found.students)) > 0, made)


@dataclass(frozen=True)
class _SeriesColumns:
    rhythm: Texts
    changes: Texts
    rhythm_evidence: Evidence
    change_evidence: Evidence


def _series(inputs: LearningPatternInput, students: pd.DataFrame, config: LearningPatternConfig) -> _SeriesColumns:
    first_weekday = (inputs.as_of.weekday() + 1) % 7
    rhythms, changes, weeks = [], [], []
    for series in daily_series(inputs.daily, students["student_id"], inputs.as_of, config):
        rhythm = weekly_rhythm(series, first_weekday, config)
        rhythms.append(_rhythm(rhythm, series.is_minutes))
        changes.append(change_points(series, inputs.as_of, config))
        weeks.append(np.stack([rhythm.weeks, series.weeks], axis=1))
    found = pd.concat(changes, ignore_index=True)
    student = found["student"].to_numpy(np.int64)
    rhythm_weeks, change_weeks = np.concatenate(weeks).astype(np.float64).T
    return _SeriesColumns(
        rhythm=np.concatenate(rhythms),
        changes=texts.gathered(len(students), student, _change_items(found, inputs.as_of), "[", "]"),
        rhythm_evidence=Evidence(rhythm_weeks >= config.rhythm_min_weeks, rhythm_weeks, config.rhythm_min_weeks),
        change_evidence=Evidence(change_weeks >= config.change_min_weeks, change_weeks, config.change_min_weeks),
    )


def _rhythm(found: WeeklyRhythm, is_minutes: Bools) -> Texts:
    fields: Mapping[str, Texts] = {
        "unit": np.where(is_minutes, '"minutes"', '"completions"').astype(object),
        "weeks": texts.number(found.weeks.astype(np.float64)),
        "level": texts.number(found.level, 2),
        "profile": texts.obj(
            {WEEKDAYS[day]: texts.number(found.profile[:, day], 2) for day in (*range(1, len(WEEKDAYS)), 0)}
        ),
        "strength": texts.number(found.strength, 3),
        "isDistinct": texts.word(found.chance <= _SURE_RHYTHM),
    }
    return _or_none(~np.isnan(found.strength), texts.obj(fields))


def _change_items(changes: pd.DataFrame, as_of: dt.date) -> Texts:
    return texts.obj(
        {
            "date": texts.word(changes["first_day"].dt.strftime("%Y-%m-%d")),
            "kind": texts.word(changes["kind"]),
            "before": texts.number(changes["before"], 1),
            "after": texts.number(changes["after"], 1),
            "text": texts.word(texts.change_texts(changes, as_of)),
        }
    )


@dataclass(frozen=True)
class _WorkColumn:
    text: Texts
    evidence: Evidence


def _work(inputs: LearningPatternInput, students: pd.DataFrame, config: LearningPatternConfig) -> _WorkColumn:
    rows = placed(work_minutes(inputs, config), students)
    student = rows["student"].to_numpy(np.int64)
    items = texts.obj(
        {
            "content_type": texts.word(rows["content_type"]),
            "subject": texts.word(rows["subject_group"]),
            "itemCount": texts.number(rows["item_count"]),
            "minutesPerUnit": _quantiles(rows, "minutes_per_unit", 2),
            "paceRatio": _quantiles(rows, "pace_ratio", 2),
            "itemMinutes": _quantiles(rows, "item_minutes", 0),
            "basis": texts.word(rows["basis"]),
        }
    )
    own = np.bincount(student, rows["item_count"], len(students)).astype(np.float64)
    return _WorkColumn(
        text=texts.gathered(len(students), student, items, "[", "]"),
        evidence=Evidence(own > 0, own, 1),
    )


def _quantiles(rows: pd.DataFrame, name: str, digits: int) -> Texts:
    made = texts.obj({at: texts.number(rows[f"{name}_{at}"], digits) for at in ("p50", "p80")})
    return texts.where(rows[f"{name}_p50"].notna().to_numpy(), made)
