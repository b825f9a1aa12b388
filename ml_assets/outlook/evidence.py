"""Evidence for early warnings: how likely each thing that staff may be warned of is, on a day.

Belongs here: which answer of the outlook speaks for which type of warning, and what a counsellor is told with it. Not
here: when a warning is raised or resolved.
"""

from __future__ import annotations

import json
from typing import Final

import numpy as np
import pandas as pd

from ml_assets.outlook import outcomes
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.features import student_features, subject_features
from ml_assets.outlook.history import Flags, Floats, History, Ints, day_number, day_numbers
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import OutlookModel, ready_features, this_monday
from ml_assets.outlook.texts import Texts, filled, written

BURNOUT, DROP, STREAK = "burnout_risk", "completion_drop", "streak_break"
OVERLOAD, STRUGGLE, EXAM = "schedule_overload", "subject_struggle", "exam_unpreparedness"

QUESTION: Final = {
    BURNOUT: outcomes.SILENCE,
    DROP: outcomes.DROP,
    STREAK: outcomes.IDLE,
    OVERLOAD: outcomes.OVERLOAD,
    STRUGGLE: outcomes.STRUGGLE,
    EXAM: outcomes.READY,
}
"""Type of warning and the question whose answer speaks for it."""

COLUMNS: Final = (
    *("student_id", "tenant_id", "warning_type", "subject", "evidence_date", "probability", "context", "reasoning"),
)

SENTENCES: Final = {
    BURNOUT: "앞으로 4주 안에 학습을 멈출 가능성이 {percent}%입니다. 마지막 학습은 {days_since_active}일 전입니다.",
    DROP: "다음 주 완료율이 평소({previous_rate}%)의 70%에 못 미칠 가능성이 {percent}%입니다.",
    STREAK: "이어 오던 학습이 끊긴 지 {days_since_active}일째이며, 일주일 더 쉴 가능성이 {percent}%입니다.",
    OVERLOAD: "다가오는 7일의 계획이 평소의 {load_ratio}배이고, 절반도 마치지 못할 가능성이 {percent}%입니다.",
    STRUGGLE: "{subject} 계획을 4주 동안 절반도 마치지 못할 가능성이 {percent}%입니다.",
    EXAM: "시험까지 {days_left}일 남았고, 평소 수준에 못 미칠 교과가 {percent}%로 예상됩니다.",
}
NO_CAUSE: Final = {
    STREAK: "이어 오던 학습이 끊긴 상태가 아닙니다.",
    OVERLOAD: "다가오는 7일의 계획이 평소보다 크게 많지 않습니다.",
    EXAM: "가까운 날에 예정된 시험이 확인되지 않습니다.",
}
"""What is said instead where the cause is not there."""


def evidence(model: OutlookModel, inputs: OutlookInput, exams_ahead: pd.DataFrame) -> pd.DataFrame:
    """Evidence at the cut-off: COLUMNS, one row per student, type and subject ('' for none).

    `exams_ahead`: student_id and days_left, the days to the student's next exam or target, where one is known. A type
    whose cause is not there, such as a streak that holds, has probability 0; one without a model has no rows.
    """
    config, history = model.config, History.of(inputs)
    today = np.array([day_number(inputs.as_of)])
    students = _here(student_features(history, inputs, today), history, inputs)
    has_cause = {
        STREAK: has_broken_streak(history, students, config),
        OVERLOAD: students["load_ratio"].to_numpy(np.float64) >= config.overload_ratio,
    }
    parts = []
    for kind in (BURNOUT, DROP, STREAK, OVERLOAD):
        question, answer = outcomes.QUESTIONS[QUESTION[kind]], model.answers[QUESTION[kind]].model
        if answer is None:
            continue
        is_asked = question.asked(students, config)
        rows, caused = students[is_asked], has_cause.get(kind, np.ones(len(students), bool))[is_asked]
        parts.append(_told(kind, rows, answer.probability(rows), caused, inputs))
    if (answer := model.answers[outcomes.STRUGGLE].model) is not None:
        subjects = _here(subject_features(history, inputs, this_monday(inputs.as_of)), history, inputs)
        parts.append(_told(STRUGGLE, subjects, answer.probability(subjects), np.ones(len(subjects), bool), inputs))
    if (answer := model.answers[outcomes.READY].model) is not None:
        ready = _here(ready_features(history, inputs, today, students, config), history, inputs)
        left = exams_ahead.set_index("student_id")["days_left"].reindex(ready["student_id"]).to_numpy(np.float64)
        is_near = left <= config.exam_near_days
        parts.append(_told(EXAM, ready.assign(left=left), 1 - answer.probability(ready), is_near, inputs))
    empty = pd.DataFrame({column: pd.Series(dtype=object) for column in COLUMNS})
    return pd.concat([empty, *parts], ignore_index=True)[list(COLUMNS)]


def daily_burnout(model: OutlookModel, later: OutlookInput, days: Ints) -> pd.DataFrame:
    """Evidence of `burnout_risk` alone on each of `days`, as known then, from frames of a later cut-off.

    Columns: student_id, tenant_id, warning_type, subject, evidence_date, probability, and outcome: what came of it, as
    `outcomes.silence` has it, NaN where the later frames cannot tell. What was planned ahead is known
    by whole weeks before the later cut-off: on days in between it is that of both weeks that the coming days lie in.
    Raises ValueError without a model of the question.
    """
    answer = model.answers[outcomes.SILENCE].model
    if answer is None:
        raise ValueError("the outlook has no model of falling silent, so there is no evidence of it")
    history = History.of(later)
    rows = student_features(history, later, days)
    rows = _here(rows[outcomes.can_fall_silent(rows, model.config)], history, later)
    return pd.DataFrame(
        {
            "student_id": rows["student_id"],
            "tenant_id": rows["tenant_id"],
            "warning_type": BURNOUT,
            "subject": "",
            "evidence_date": rows["day"].to_numpy(np.int64).astype("datetime64[D]").astype("datetime64[s]"),
            "probability": answer.probability(rows),
            "outcome": np.where(
                rows["day"] + model.config.silence_until_days <= day_number(later.as_of),
                outcomes.silence(history, rows, model.config),
                np.nan,
            ),
        }
    )


def silences(later: OutlookInput, since: int, config: OutlookConfig) -> pd.DataFrame:
    """When students fell silent or withdrew, from the day number `since` on: student_id, event_date.

    Of an activity that is followed by four weeks without any, the day is that on which two of them are over
    (`silence_from_days`), as `outcomes.silence` counts: before it a student may be told from one who pauses, and a
    warning comes in time. Withdrawn as there; what happened without an activity in between is one event, on its first
    day.
    """
    history, end = History.of(later), day_number(later.as_of)
    active = history.active
    following = np.full(len(active.day), end)
    is_same = active.owner[1:] == active.owner[:-1]
    following[:-1][is_same] = active.day[1:][is_same]
    is_last = following - active.day > config.silence_until_days - config.silence_from_days
    left = np.flatnonzero(history.withdrawn < end)
    cancelled, cancelled_day = history.cancellations(end)
    owner = np.concatenate([active.owner[is_last], left, cancelled])
    silent = active.day[is_last] + config.silence_from_days
    day = np.concatenate([silent, history.withdrawn[left], cancelled_day])
    events = pd.DataFrame({"owner": owner, "after": active.before(owner, day + 1), "day": day})
    first = events[events["day"] >= since].groupby(["owner", "after"], as_index=False)["day"].min()
    return pd.DataFrame(
        {
            "student_id": history.student_ids[first["owner"]],
            "event_date": first["day"].to_numpy(np.int64).astype("datetime64[D]").astype("datetime64[s]"),
        }
    )


def has_broken_streak(history: History, rows: pd.DataFrame, config: OutlookConfig) -> Flags:
    """Students whose last activity, two days ago or more, was the end of `streak_days` in a row."""
    owner, day = rows["owner"].to_numpy(np.int64), rows["day"].to_numpy(np.int64)
    since = rows["days_since_active"].to_numpy(np.float64)
    last = (day - since).astype(np.int64)
    run = history.active.count(owner, last - config.streak_days + 1, last + 1)
    broken: Flags = (since >= 2) & (run == config.streak_days)
    return broken


def _here(rows: pd.DataFrame, history: History, inputs: OutlookInput) -> pd.DataFrame:
    """`rows` of students who have not left, with student_id and tenant_id."""
    owner = rows["owner"].to_numpy(np.int64)
    students = inputs.students.set_index("student_id").loc[history.student_ids]
    rows = rows.assign(
        student_id=history.student_ids[owner],
        tenant_id=students["tenant_id"].to_numpy(object)[owner],
    )
    is_here = day_numbers(students["withdrawn_date"])[owner] >= rows["day"].to_numpy(np.int64)
    here: pd.DataFrame = rows.loc[is_here]
    return here


_RATES: Final = {STRUGGLE: ("completion_4w", "completion_12w"), EXAM: ("completion_28d", "completion_84d")}
"""Completion now and before, where it is not that of a student's last week and twelve weeks."""


def _told(kind: str, rows: pd.DataFrame, probability: Floats, has_cause: Flags, inputs: OutlookInput) -> pd.DataFrame:
    """Evidence with what a counsellor is told: a JSON object of numbers, and a sentence."""
    subject = rows["subject_group"].to_numpy(object) if kind == STRUGGLE else np.full(len(rows), "", object)
    current, previous = _RATES.get(kind, ("completion_7d", "completion_84d"))
    numbers = {"current_rate": _percent(rows, current), "previous_rate": _percent(rows, previous)}
    if kind in (BURNOUT, STREAK):
        numbers["days_since_active"] = _whole(rows["days_since_active"])
    if kind == OVERLOAD:
        numbers["load_ratio"] = written(rows["load_ratio"].to_numpy(np.float64).round(1))
    if kind == EXAM:
        numbers["days_left"] = _whole(rows["left"])
    context = np.full(len(rows), "", dtype=object)
    for name, texts in numbers.items():
        context = context + np.where(context == "", "", ", ") + f'"{name}": ' + texts
    if kind == STRUGGLE:
        quoted = {name: json.dumps([name], ensure_ascii=False) for name in set(subject)}
        context = context + ', "affected_subjects": ' + np.array([quoted[name] for name in subject], dtype=object)
    words = {f"{{{name}}}": texts for name, texts in numbers.items()}
    sentence = filled(
        SENTENCES[kind], {**words, "{percent}": written(np.round(100 * probability)), "{subject}": subject}
    )
    probability = np.where(has_cause, probability, 0.0)
    return pd.DataFrame(
        {
            "student_id": rows["student_id"].to_numpy(object),
            "tenant_id": rows["tenant_id"].to_numpy(object),
            "warning_type": kind,
            "subject": subject,
            "evidence_date": pd.Timestamp(inputs.as_of),
            "probability": probability,
            "context": "{" + context + "}",
            "reasoning": np.where(has_cause, sentence, NO_CAUSE.get(kind, "")),
        }
    )


def _percent(rows: pd.DataFrame, name: str) -> Texts:
    return _whole(100 * rows[name])


def _whole(values: pd.Series) -> Texts:
    return written(np.round(values.to_numpy(np.float64)))
