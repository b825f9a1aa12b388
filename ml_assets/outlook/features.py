"""What is known of a student, and of a student's subject, before a day.

Belongs here: the numbers that models learn from, for any past day as for the cut-off. Not here: what came of them
(`outcomes`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.history import (
    NEVER,
    Floats,
    History,
    Ints,
    Rows,
    day_number,
    day_numbers,
    enrolment_days,
    running,
)
from ml_assets.outlook.inputs import OutlookInput

FACTORS: Final[dict[str, tuple[str, ...]]] = {
    "recent_activity": ("days_since_active", "active_7d", "active_14d", "active_28d", "active_84d"),
    "amount_of_work": ("done_7d", "done_14d", "done_28d", "done_per_active_day"),
    "change_of_work": ("done_change_14d", "done_change_28d"),
    "plan_completion": ("completion_7d", "completion_28d", "completion_84d", "carried_over_28d"),
    "study_time": ("minutes_per_day", "minutes_change", "late_share"),
    "exam_results": ("exams", "days_since_exam", "percentile", "latest_percentile"),
    "missed_exams": ("missed_exams_14d", "missed_exams_28d"),
    "course_stage": ("days_to_end", "enrolments"),
    "coming_load": ("planned_ahead", "load_ratio"),
}
"""Features of a student by what a reader is told of them.

The days since a student enrolled are not among them: all who began together share them with one season, and in other
years they misled (calibration error .057 with and .028 without them, 30 days into OULAD's 2013J).
"""

STUDENT_FEATURES: Final = tuple(name for names in FACTORS.values() for name in names)

SUBJECT_FACTORS: Final[dict[str, tuple[str, ...]]] = {
    "subject_completion": ("completion_4w", "completion_12w"),
    "subject_change": ("completion_change",),
    "subject_load": ("planned_4w", "planned_share"),
    "other_subjects": ("other_completion_12w",),
    "exam_results": ("exams", "percentile"),
}
SUBJECT_FEATURES: Final = tuple(name for names in SUBJECT_FACTORS.values() for name in names)

EXAM_FACTORS: Final[dict[str, tuple[str, ...]]] = {
    "latest_result": ("latest_gap",),
    "exam_results": ("exams", "level", "spread"),
    "plan_completion": ("completion_28d", "completion_84d"),
    "amount_of_work": ("done_28d", "done_change_28d"),
    "study_time": ("minutes_per_day", "minutes_change"),
}
EXAM_FEATURES: Final = tuple(name for names in EXAM_FACTORS.values() for name in names)

_EXAM_LEAST_SITTERS: Final = 5
_EXAM_LEAST_SHARE: Final = 0.3
"""An exam is one that a course's learners sit when five of them and three of ten have a score of it. Judgement."""

_LONGEST: Final = 90.0
"""Days beyond which a distance in time says no more."""


def student_features(history: History, inputs: OutlookInput, days: Ints) -> pd.DataFrame:
    """One row per student and day of `days` on which the student was here and had ever been active.

    Columns: owner (place in `history.student_ids`), day, had_enrolment, end (day number), cancelled, and
    STUDENT_FEATURES (NaN: unknown). `load_ratio` and `planned_ahead` are of the seven days from `day`.
    """
    parts = [_on(history, inputs, int(day)) for day in days]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["owner", "day", *STUDENT_FEATURES])


def _on(history: History, inputs: OutlookInput, day: int) -> pd.DataFrame:
    everyone = np.arange(len(history.student_ids))
    # Who leaves on the day is still here before it begins.
    here = everyone[history.withdrawn >= day]
    here = here[~np.isnan(history.active.last_day(here, np.full(len(here), day)))]
    on = np.full(len(here), day)
    enrolled = history.enrolments(day).reindex(here)
    frame = pd.DataFrame(
        {
            "owner": here,
            "day": day,
            "had_enrolment": history.had_enrolment(day)[here],
            "end": enrolled["end"].to_numpy(np.float64),
            "cancelled": enrolled["cancelled"].to_numpy(np.float64),
        }
    )
    activity = _activity(history, here, on)
    scores = _scores(history.scores, here, on)
    for values in (activity, scores):
        frame = frame.assign(**values)
    missed = _missed_exams(inputs, history, day)
    return frame.assign(
        missed_exams_14d=missed[14][here],
        missed_exams_28d=missed[28][here],
        days_to_end=np.minimum(enrolled["end"].to_numpy(np.float64) - day, _LONGEST),
        enrolments=enrolled["count"].fillna(0).to_numpy(np.float64),
        **_load(history, inputs, here, on),
    )


def _activity(history: History, owner: Ints, day: Ints) -> dict[str, Floats]:
    days, active, timed = history.days, history.active, history.timed

    def total(name: str, since: int, until: int = 0) -> Floats:
        return days.total(name, owner, day - since, day - until)

    done = {n: total("ticked_count", n) for n in (7, 14, 28)}
    active_days = {n: active.count(owner, day - n, day) for n in (7, 14, 28, 84)}
    minutes, timed_days = timed.total("net_seconds", owner, day - 28, day) / 60, timed.count(owner, day - 28, day)
    earlier, earlier_days = (
        timed.total("net_seconds", owner, day - 84, day - 28) / 60,
        timed.count(owner, day - 84, day - 28),
    )
    # An item may be ticked off up to a week late: of the last seven days only what was done on time is settled.
    return {
        "days_since_active": day - active.last_day(owner, day),
        **{f"active_{n}d": count for n, count in active_days.items()},
        **{f"done_{n}d": np.log1p(count) for n, count in done.items()},
        "done_per_active_day": np.log1p(done[28] / np.maximum(active_days[28], 1)),
        "done_change_14d": np.log1p(done[14]) - np.log1p(total("ticked_count", 28, 14)),
        "done_change_28d": np.log1p(done[28]) - np.log1p(total("ticked_count", 56, 28)),
        "completion_7d": _share(total("done_on_time_count", 7), total("planned_count", 7)),
        "completion_28d": _share(total("done_in_week_count", 35, 7), total("planned_count", 35, 7)),
        "completion_84d": _share(total("done_in_week_count", 91, 7), total("planned_count", 91, 7)),
        "carried_over_28d": _share(total("carried_over_count", 28), total("planned_count", 28)),
        "minutes_per_day": np.log1p(_share(minutes, timed_days)),
        "minutes_change": np.log1p(_share(minutes, timed_days)) - np.log1p(_share(earlier, earlier_days)),
        "late_share": _share(timed.total("late_seconds", owner, day - 28, day) / 60, minutes),
    }


def _scores(scores: Rows, owner: Ints, day: Ints) -> dict[str, Floats]:
    start = np.zeros_like(day)
    count = scores.count(owner, start, day)
    last = scores.last_day(owner, day)
    latest_day = np.where(np.isnan(last), 0, last).astype(np.int64)
    return {
        "exams": np.minimum(count, 12.0),
        "days_since_exam": np.minimum(day - last, _LONGEST),
        "percentile": _mean_percentile(scores, owner, start, day),
        "latest_percentile": _mean_percentile(scores, owner, latest_day, day),
    }


def _mean_percentile(scores: Rows, owner: Ints, since: Ints, until: Ints) -> Floats:
    return _share(scores.total("percentile", owner, since, until), scores.total("is_placed", owner, since, until))


def _load(history: History, inputs: OutlookInput, owner: Ints, day: Ints) -> dict[str, Floats]:
    """Plans of the coming week that were there before it began, and how many usual weeks they are."""
    ahead = history.days.total("planned_ahead_count", owner, day, day + 7)
    now = day == day_number(inputs.as_of)
    if now.any():
        known = inputs.coming_week.set_index("student_id")["planned_count"]
        coming = known.reindex(history.student_ids).fillna(0).to_numpy(np.float64)
        ahead = np.where(now, coming[owner], ahead)
    usual = history.days.total("planned_count", owner, day - 84, day) / 12
    return {"planned_ahead": np.log1p(ahead), "load_ratio": np.minimum(_share(ahead, usual), 5.0)}


def _missed_exams(inputs: OutlookInput, history: History, day: int) -> dict[int, Floats]:
    """By window in days, how many exams of a student's courses were due in it without a score of the student."""
    none = {window: np.zeros(len(history.student_ids)) for window in (14, 28)}
    scores = inputs.scores[inputs.scores["subject_id"].notna()]
    known = day_numbers(scores["known_date"])
    due = day_numbers(scores["exam_date"])
    recent = scores[(due >= day - 28) & (due < day) & (known < day)]
    if recent.empty:
        return none
    exam = ["subject_id", "exam_type", "exam_date"]
    began = day_numbers(inputs.courses["course_start_date"]) <= day
    members = pd.concat(
        [inputs.courses[began][["student_id", "subject_id"]], scores[known < day][["student_id", "subject_id"]]]
    ).dropna().drop_duplicates()  # fmt: skip
    # All learners of the course, whether they are among those of `history` or not.
    enrolled = inputs.enrolments.loc[running(enrolment_days(inputs.enrolments), day), "student_id"]
    members = members[members["student_id"].isin(enrolled) & members["student_id"].isin(inputs.students["student_id"])]
    sat = recent[[*exam, "student_id"]].drop_duplicates()
    sitters = sat.groupby(exam).size().rename("sitters").reset_index()
    learners = members.groupby("subject_id").size().rename("learners")
    exams = sitters.join(learners, on="subject_id").dropna()
    exams = exams[
        (exams["sitters"] >= _EXAM_LEAST_SITTERS) & (exams["sitters"] >= _EXAM_LEAST_SHARE * exams["learners"])
    ]
    pairs = members.merge(exams, on="subject_id").merge(sat, on=[*exam, "student_id"], how="left", indicator=True)
    missed = pairs[(pairs["_merge"] == "left_only") & pairs["student_id"].isin(history.student_ids)]
    place = history.student_ids.get_indexer(pd.Index(missed["student_id"]))
    for window, counts in none.items():
        np.add.at(counts, place[day_numbers(missed["exam_date"]) >= day - window], 1)
    return none


def subject_features(history: History, inputs: OutlookInput, mondays: Ints) -> pd.DataFrame:
    """One row per student, subject group and Monday of `mondays` with a plan in the subject within 8 weeks before it.

    Columns: owner, subject_group, day, SUBJECT_FEATURES, and `planned_next`, `done_next`: what the four weeks from the
    Monday held, as far as they lie before the cut-off.
    """
    weekly = inputs.weekly
    place = history.student_ids.get_indexer(pd.Index(weekly["student_id"]))
    weekly, owner = weekly[place >= 0], place[place >= 0].astype(np.int64)
    groups = pd.Index(sorted(set(weekly["subject_group"]) | set(inputs.scores["subject_group"])))
    code = owner * len(groups) + groups.get_indexer(pd.Index(weekly["subject_group"]))
    week = day_numbers(weekly["week_start"])
    counts = weekly[["planned_count", "done_by_week_end_count"]]
    series = Rows.of(code, week, counts)
    by_student = Rows.of(owner, week, counts)
    scored = history.student_ids.get_indexer(pd.Index(inputs.scores["student_id"]))
    scores = Rows.of(
        scored[scored >= 0] * len(groups) + groups.get_indexer(pd.Index(inputs.scores["subject_group"][scored >= 0])),
        day_numbers(inputs.scores["known_date"][scored >= 0]),
        inputs.scores.loc[scored >= 0, ["percentile"]].assign(is_placed=inputs.scores["percentile"].notna()),
    )
    every = np.unique(code)
    pairs, day = np.tile(every, len(mondays)), np.repeat(mondays, len(every))
    is_studied = series.total("planned_count", pairs, day - 56, day) > 0
    pairs, day = pairs[is_studied], day[is_studied]
    student = pairs // max(len(groups), 1)

    def own(name: str, weeks: int, until: int = 0) -> Floats:
        return series.total(name, pairs, day - 7 * weeks, day - 7 * until)

    planned_12w, done_12w = own("planned_count", 12), own("done_by_week_end_count", 12)
    completion = {n: _share(own("done_by_week_end_count", n), own("planned_count", n)) for n in (4, 12)}
    all_planned = by_student.total("planned_count", student, day - 84, day)
    all_done = by_student.total("done_by_week_end_count", student, day - 84, day)
    start = np.zeros_like(day)
    exams = scores.count(pairs, start, day)
    return pd.DataFrame(
        {
            "owner": student,
            "subject_group": groups.to_numpy(object)[pairs % max(len(groups), 1)],
            "day": day,
            "completion_4w": completion[4],
            "completion_12w": completion[12],
            "completion_change": completion[4] - _share(
                own("done_by_week_end_count", 12, 4), own("planned_count", 12, 4)
            ),
            "planned_4w": np.log1p(own("planned_count", 4)),
            "planned_share": _share(planned_12w, all_planned),
            "other_completion_12w": _share(all_done - done_12w, all_planned - planned_12w),
            "exams": np.minimum(exams, 12.0),
            "percentile": _mean_percentile(scores, pairs, start, day),
            "planned_next": series.total("planned_count", pairs, day, day + 28),
            "done_next": series.total("done_by_week_end_count", pairs, day, day + 28),
        }
    )  # fmt: skip


def exam_features(history: History, inputs: OutlookInput, days: Ints, config: OutlookConfig) -> pd.DataFrame:
    """One row per student and day of `days` with a series that has two scores or more known before the day.

    A series is student × subject group × kind; several scores of one on a day are one, their mean. Columns: owner, day,
    EXAM_FEATURES without those of `student_features` (means over the series: `latest_gap` of the last score to the mean
    of up to `exam_past`, `level` that mean, `spread` their deviation, `exams` the number of scores), and `kept`: share
    of the series with a score within `exam_days` from the day whose next one is at or above that mean, as far as known;
    NaN without any.
    """
    levels = _levels(inputs, config)
    place = history.student_ids.get_indexer(pd.Index(levels["student_id"]))
    levels, owner = levels[place >= 0], place[place >= 0].astype(np.int64)
    series = levels.groupby(_SERIES, sort=True).ngroup().to_numpy().astype(np.int64)
    rows = Rows.of(series, levels["known"].to_numpy(np.int64), levels[["percentile", *_LEVELS]])
    first = np.searchsorted(rows.owner, np.arange(series.max(initial=-1) + 1))
    owners = np.zeros(len(first), dtype=np.int64)
    owners[series] = owner
    parts = []
    for day in days:
        place = rows.before(np.arange(len(first)), np.full(len(first), day))
        values = {name: rows.columns[name][place] for name in ("percentile", *_LEVELS)}
        is_next = rows.day[place] < day + config.exam_days
        told = values["past"] >= _LEAST_PAST
        kept = np.where(is_next, (values["percentile"] >= values["level"]).astype(np.float64), np.nan)
        frame = pd.DataFrame(
            {
                "owner": owners,
                "latest_gap": values["latest"] - values["level"],
                "level": values["level"],
                "spread": values["spread"],
                "exams": values["past"],
                "kept": kept,
            }
        )[told]
        parts.append(frame.groupby("owner", sort=True).mean().reset_index().assign(day=day))
    figures = dict.fromkeys(("latest_gap", "level", "spread", "exams", "kept"), np.zeros(0))
    nothing = pd.DataFrame({"owner": owners[:0], **figures, "day": days[:0]})
    return pd.concat([nothing, *parts], ignore_index=True)


_SERIES: Final = ["student_id", "subject_group", "exam_kind"]
_LEVELS: Final = ("level", "spread", "latest", "past")
_LEAST_PAST: Final = 2
"""Scores of a series that make a level: one is not yet compared with anything."""


def _levels(inputs: OutlookInput, config: OutlookConfig) -> pd.DataFrame:
    """Each score of a series beside what came before it, and one row more for the score that is still to come."""
    scores = inputs.scores.dropna(subset=["percentile"])
    scores = scores.assign(known=day_numbers(scores["known_date"]))
    by_day = scores.groupby([*_SERIES, "known"], sort=True)["percentile"].mean().reset_index()
    to_come = by_day[_SERIES].drop_duplicates().assign(known=NEVER, percentile=np.nan)
    by_day = pd.concat([by_day, to_come]).sort_values([*_SERIES, "known"], kind="stable", ignore_index=True)
    grouped = by_day.groupby(_SERIES, sort=False)["percentile"]
    before = np.stack([grouped.shift(n).to_numpy(np.float64) for n in range(1, config.exam_past + 1)])
    count = (~np.isnan(before)).sum(axis=0).astype(np.float64)
    level = _share(np.nansum(before, axis=0), count)
    square = _share(np.nansum(before**2, axis=0), count)
    return by_day.assign(
        level=level,
        spread=np.where(count > 1, np.sqrt(np.maximum(square - level**2, 0)), np.nan),
        latest=before[0],
        past=grouped.cumcount().to_numpy(np.float64),
    )


def _share(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.full(len(whole), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def mondays_before(as_of: object, weeks: int) -> Ints:
    """Day numbers of the Monday of the week of `as_of` and of those before it, oldest first."""
    day = day_number(as_of)
    latest = day - (day + 3) % 7
    return latest - 7 * np.arange(weeks, -1, -1, dtype=np.int64)


def weekly_days(as_of: object, weeks: int) -> Ints:
    """`as_of` and the days whole weeks before it, oldest first."""
    days: npt.NDArray[np.int64] = day_number(as_of) - 7 * np.arange(weeks, -1, -1, dtype=np.int64)
    return days
