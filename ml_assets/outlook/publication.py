"""Rows of `student_predictions`: what is likely, why, what may help, and later what came of it.

Belongs here: the published columns. Not here: probabilities (`model`) and wording (`texts`).
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Final

import numpy as np
import pandas as pd

from ml_assets.outlook import outcomes
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.features import (
    EXAM_FACTORS,
    FACTORS,
    SUBJECT_FACTORS,
    exam_features,
    student_features,
    subject_features,
)
from ml_assets.outlook.history import Floats, History, Ints, day_number, day_numbers
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import OutlookModel, ready_features, this_monday
from ml_assets.outlook.texts import FACTORS as FACTOR_NAMES
from ml_assets.outlook.texts import INTERVENTIONS, RISES_WITH_RISK, SENTENCES, Texts, filled, written

PUBLISHED: Final = (outcomes.WEEK, outcomes.STRUGGLE, outcomes.SILENCE, outcomes.READY)
"""Questions whose answers the app reads; the others are evidence for warnings."""

GROUPS: Final = {
    **dict.fromkeys(outcomes.QUESTIONS, FACTORS),
    outcomes.STRUGGLE: SUBJECT_FACTORS,
    outcomes.READY: EXAM_FACTORS,
}
"""By question, the factors that a reader is told of."""

COLUMNS: Final = (
    *("student_id", "prediction_type", "prediction_date", "tenant_id", "target_period_start", "target_period_end"),
    *("prediction_score", "confidence", "contributing_factors", "recommended_interventions", "actual_outcome"),
    *("subject", "base_score", "basis", "reasoning"),
)
_SEEN: Final = np.array([5, 10, 20, 50])
_CONFIDENCE: Final = np.array([0.3, 0.5, 0.7, 0.85, 0.95])
"""The app's own ladder: confidence by the plan items of twelve weeks that were seen."""


def asked(model: OutlookModel, inputs: OutlookInput) -> dict[str, pd.DataFrame]:
    """By question that has a model, the students it is asked about at the cut-off.

    Rows of features with student_id, tenant_id, seen (plan items of twelve weeks), probability and, for
    `subject_struggle`, the one subject group of each student that is likeliest to. Who has left is not asked about.
    """
    config, history = model.config, History.of(inputs)
    today = np.array([day_number(inputs.as_of)])
    students = student_features(history, inputs, today)
    monday = this_monday(inputs.as_of)
    rows = {name: students[question.asked(students, config)] for name, question in outcomes.QUESTIONS.items()}
    rows[outcomes.STRUGGLE] = subject_features(history, inputs, monday)
    rows[outcomes.READY] = ready_features(history, inputs, today, students, config)
    planned = history.days.total(
        "planned_count", *_spread(history, today - 84), np.full(len(history.student_ids), today[0])
    )
    told = {}
    for name, own in rows.items():
        answer = model.answers[name].model
        if answer is None:
            continue
        owner = own["owner"].to_numpy(np.int64)
        told[name] = own.assign(
            student_id=history.student_ids[owner],
            seen=planned[owner],
            probability=answer.probability(own),
        ).merge(inputs.students[["student_id", "tenant_id", "withdrawn_date"]], on="student_id")
        told[name] = told[name][told[name]["withdrawn_date"].isna()]
    if outcomes.STRUGGLE in told:
        likeliest = told[outcomes.STRUGGLE].sort_values(
            ["student_id", "probability", "subject_group"], ascending=[True, False, True], kind="stable"
        )
        told[outcomes.STRUGGLE] = likeliest.drop_duplicates("student_id")
    return told


def predictions(model: OutlookModel, inputs: OutlookInput, previous: pd.DataFrame) -> pd.DataFrame:
    """All of `student_predictions`: those of the cut-off, and those of earlier weeks with what came of them.

    `previous` is what was published before the cut-off (COLUMNS); of each student, type and week (from Monday) the
    first is kept, for `kept_weeks`.
    """
    told = asked(model, inputs)
    new = [_rows(model, inputs, name, told[name]) for name in PUBLISHED if name in told]
    empty = pd.DataFrame({column: pd.Series(dtype=object) for column in COLUMNS})
    kept = settled(keep(previous, inputs, model.config), inputs, model.config)
    rows = pd.concat([empty, kept, *new], ignore_index=True)[list(COLUMNS)]
    rows["prediction_date"] = rows["prediction_date"].astype("datetime64[s]")
    return rows.sort_values(["student_id", "prediction_type", "prediction_date"], kind="stable", ignore_index=True)


def keep(previous: pd.DataFrame, inputs: OutlookInput, config: OutlookConfig) -> pd.DataFrame:
    """The first prediction of each student, type and earlier week, of students who are still here."""
    day = day_numbers(pd.to_datetime(previous["prediction_date"]))
    monday = day - (day + 3) % 7
    here = inputs.students.loc[inputs.students["withdrawn_date"].isna(), "student_id"]
    recent = (day < day_number(inputs.as_of)) & (day >= day_number(inputs.as_of) - 7 * config.kept_weeks)
    rows = previous.assign(week=monday)[recent & previous["student_id"].isin(here)]
    rows = rows.sort_values(["student_id", "prediction_type", "prediction_date"], kind="stable")
    return rows.drop_duplicates(["student_id", "prediction_type", "week"]).drop(columns="week")


def settled(previous: pd.DataFrame, inputs: OutlookInput, config: OutlookConfig) -> pd.DataFrame:
    """`previous` with `actual_outcome` (0 to 100) where it is known by now and was not yet filled in."""
    history = History.of(inputs)
    as_of = day_number(inputs.as_of)
    rows = previous.reset_index(drop=True).assign(
        owner=history.student_ids.get_indexer(pd.Index(previous["student_id"].astype(str))),
        day=day_numbers(pd.to_datetime(previous["prediction_date"])),
    )
    outcome = np.full(len(rows), np.nan)
    for name in PUBLISHED:
        is_own = (rows["prediction_type"] == name).to_numpy() & rows["actual_outcome"].isna().to_numpy()
        for day in np.unique(rows.loc[is_own, "day"]):
            due = is_own & (rows["day"] == day).to_numpy()
            if day + settled_days(name, config) <= as_of:
                outcome[due] = _outcome(name, rows[due], int(day), history, inputs, config)
    filled = rows["actual_outcome"].astype(np.float64).fillna(pd.Series(np.round(100 * outcome, 2)))
    return rows.assign(actual_outcome=filled).drop(columns=["owner", "day"])


def settled_days(name: str, config: OutlookConfig) -> int:
    """Days from a prediction until it is known what came of it."""
    if name in outcomes.QUESTIONS:
        return outcomes.QUESTIONS[name].settled_days(config)
    return 7 * config.struggle_weeks if name == outcomes.STRUGGLE else config.exam_days


def _outcome(
    name: str, rows: pd.DataFrame, day: int, history: History, inputs: OutlookInput, config: OutlookConfig
) -> Floats:
    """What came of predictions made on one day, in their order; NaN for nothing that can be rated."""
    if name in outcomes.QUESTIONS:
        asked_then = student_features(history, inputs, np.array([day]))
        told = asked_then.assign(outcome=outcomes.QUESTIONS[name].outcome(history, asked_then, config))
        key = ["owner"]
    elif name == outcomes.STRUGGLE:
        asked_then = subject_features(history, inputs, np.array([day - (day + 3) % 7]))
        told = asked_then.assign(outcome=outcomes.subject_struggle(asked_then, config))
        told = told.rename(columns={"subject_group": "subject"})
        key = ["owner", "subject"]
    else:
        told = exam_features(history, inputs, np.array([day]), config).rename(columns={"kept": "outcome"})
        key = ["owner"]
    found = rows[key].merge(told[[*key, "outcome"]], on=key, how="left")
    return found["outcome"].to_numpy(np.float64)


def _rows(model: OutlookModel, inputs: OutlookInput, name: str, told: pd.DataFrame) -> pd.DataFrame:
    answer, config = model.answers[name], model.config
    if answer.model is None:
        raise ValueError(f"the outlook has no model of {name}, so there is nothing to publish of it")
    score = np.round(100 * told["probability"].to_numpy(np.float64), 2)
    base = round(100 * answer.model.base(), 2)
    impacts = (100 * answer.model.impacts(told, GROUPS[name])).round(config.impact_decimals)
    subject = told["subject_group"].to_numpy(object) if name == outcomes.STRUGGLE else np.full(len(told), None, object)
    start, end = _period(name, inputs.as_of, config)
    return pd.DataFrame(
        {
            "student_id": told["student_id"].to_numpy(object),
            "prediction_type": name,
            "prediction_date": pd.Timestamp(inputs.as_of),
            "tenant_id": told["tenant_id"].to_numpy(object),
            "target_period_start": start.isoformat(),
            "target_period_end": end.isoformat(),
            "prediction_score": score,
            "confidence": _CONFIDENCE[np.searchsorted(_SEEN, told["seen"], side="right")],
            "contributing_factors": _factors(impacts),
            "recommended_interventions": _interventions(impacts, RISES_WITH_RISK[name]),
            "actual_outcome": np.nan,
            "subject": subject,
            "base_score": base,
            "basis": answer.in_use,
            "reasoning": _sentences(name, score, base, subject),
        }
    )


def _period(name: str, as_of: dt.date, config: OutlookConfig) -> tuple[dt.date, dt.date]:
    """First and last day that a prediction is about."""
    if name == outcomes.STRUGGLE:
        start = as_of - dt.timedelta(days=as_of.weekday())
        return start, start + dt.timedelta(days=7 * config.struggle_weeks - 1)
    days = {outcomes.SILENCE: config.withdrawal_days, outcomes.WEEK: config.week_days, outcomes.READY: config.exam_days}
    return as_of, as_of + dt.timedelta(days=days[name] - 1)


def _factors(impacts: pd.DataFrame) -> Texts:
    """JSON arrays of {factor, impact, description}, the largest first; what rounds to nothing is left out."""
    values = impacts.to_numpy(np.float64)
    pieces = np.stack(
        [
            _each(values[:, place], lambda points, code=code: _factor(code, points))
            for place, code in enumerate(impacts.columns)
        ],
        axis=1,
    )
    return _joined(np.take_along_axis(pieces, np.argsort(-np.abs(values), axis=1, kind="stable"), axis=1))


def _factor(code: str, points: float) -> str:
    if points == 0:
        return ""
    told = {"factor": code, "impact": points, "description": f"{FACTOR_NAMES[code]} {points:+g}점"}
    return json.dumps(told, ensure_ascii=False)


def _interventions(impacts: pd.DataFrame, rises_with_risk: bool) -> Texts:
    """JSON arrays with what may help against the heaviest factor; empty where none makes things worse."""
    harm = impacts.to_numpy(np.float64) * (1 if rises_with_risk else -1)
    texts = np.array(
        [
            json.dumps([{"type": i.code, "priority": i.priority, "description": i.text}], ensure_ascii=False)
            for i in (INTERVENTIONS[code] for code in impacts.columns)
        ],
        dtype=object,
    )
    told: Texts = texts[harm.argmax(axis=1)] if len(harm) else np.zeros(0, dtype=object)
    told[harm.max(axis=1, initial=0) < _WORTH_ACTING] = "[]"
    return told


_WORTH_ACTING: Final = 1.0
"""Points by which a factor makes things worse before something is said to be done about it. Judgement."""


def _sentences(name: str, score: Floats, base: float, subject: Texts) -> Texts:
    words = {"{score}": written(np.round(score)), "{base}": written(np.full(len(score), round(base)))}
    return filled(SENTENCES[name], {**words, "{subject}": subject})


def _joined(pieces: Texts) -> Texts:
    """Non-empty texts of each row as one JSON array."""
    told = np.full(len(pieces), "", dtype=object)
    for column in pieces.T:
        told = told + np.where((told != "") & (column != ""), ", ", "") + column
    return filled("[{told}]", {"{told}": told})


def _each(values: Floats, write) -> Texts:  # type: ignore[no-untyped-def]
    """`write` of each value, called once for equal ones."""
    unique, place = np.unique(values, return_inverse=True)
    texts = np.array([write(float(value)) for value in unique], dtype=object)
    return texts[place] if len(unique) else texts


def _spread(history: History, day: Ints) -> tuple[Ints, Ints]:
    everyone = np.arange(len(history.student_ids))
    return everyone, np.full(len(everyone), day[0])
