"""How good the outlook would have been, beside what one would do without a model.

Belongs here: probabilities at a cut-off against what happened next, on identical rows. Not here: metrics themselves
(`evaluation.probabilities`), and where later frames come from.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np
import pandas as pd

from ml_assets.evaluation.probabilities import auroc, brier, expected_calibration_error, probability_figures
from ml_assets.outlook import outcomes
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.features import exam_features, student_features, subject_features
from ml_assets.outlook.history import Floats, History, day_number
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import (
    Examples,
    baselines_of,
    choose,
    examples_of,
    ready_features,
    this_monday,
)
from ml_assets.outlook.publication import settled_days

_LEAST_OF_COURSE: Final = 200
"""Learners of courses that began on one day from which they are reported apart: twenty a decile."""


def evaluate_outlook(inputs: OutlookInput, later: OutlookInput, config: OutlookConfig | None = None) -> dict[str, Any]:
    """The block that `tlu backtest --json` prints as `outlook`.

    `later` holds the same frames as of a day by which everything that was asked at the cut-off is settled. Under each
    question: figures of the model as of the cut-off over everybody whom it is asked about, and of the baselines, fitted
    to the same examples, on the same rows. `by_course_start` has those whose courses began on one day, and models that
    learned only from what was settled when those courses began.
    """
    config = config or OutlookConfig()
    told = _told(inputs, later, config)
    examples = examples_of(inputs, config, inputs.as_of)
    block: dict[str, Any] = {name: _figures(name, examples[name], rows, config) for name, rows in told.items()}
    block[outcomes.SILENCE]["by_course_start"] = {
        start.isoformat(): _figures(
            outcomes.SILENCE, examples_of(inputs, config, start)[outcomes.SILENCE], rows, config
        )
        for start, rows in _by_course_start(inputs, told[outcomes.SILENCE])
    }
    return block


def asked_and_told(inputs: OutlookInput, later: OutlookInput, config: OutlookConfig, name: str) -> pd.DataFrame:
    """Rows of features of a question about students at the cut-off, with student_id and `outcome` as of `later`."""
    history, after = History.of(inputs), History.of(later)
    question = outcomes.QUESTIONS[name]
    rows = student_features(history, inputs, np.array([day_number(inputs.as_of)]))
    rows = rows[question.asked(rows, config)].assign(student_id=lambda own: history.student_ids[own["owner"]])
    moved = rows.assign(owner=after.student_ids.get_indexer(pd.Index(rows["student_id"])))
    known = moved["owner"] >= 0
    rows, moved = rows[known], moved[known]
    # What was cancelled after the cut-off, only the later frames know.
    cancelled = after.enrolments(day_number(inputs.as_of)).reindex(moved["owner"])["cancelled"]
    moved = moved.assign(cancelled=cancelled.to_numpy(np.float64))
    return rows.assign(outcome=question.outcome(after, moved, config)).dropna(subset=["outcome"])


def _told(inputs: OutlookInput, later: OutlookInput, config: OutlookConfig) -> dict[str, pd.DataFrame]:
    told = {name: asked_and_told(inputs, later, config, name) for name in outcomes.QUESTIONS}
    history, after = History.of(inputs), History.of(later)
    monday = this_monday(inputs.as_of)
    subjects = _with_ids(subject_features(history, inputs, monday), history)
    ahead = _with_ids(subject_features(after, later, monday), after)
    ahead = ahead.assign(outcome=outcomes.subject_struggle(ahead, config))
    key = ["student_id", "subject_group"]
    told[outcomes.STRUGGLE] = subjects.merge(ahead[[*key, "outcome"]], on=key).dropna(subset=["outcome"])
    today = np.array([day_number(inputs.as_of)])
    ready = _with_ids(ready_features(history, inputs, today, student_features(history, inputs, today), config), history)
    exams = _with_ids(exam_features(after, later, today, config), after).rename(columns={"kept": "outcome"})
    told[outcomes.READY] = ready.merge(exams[["student_id", "outcome"]], on="student_id").dropna(subset=["outcome"])
    days = (later.as_of - inputs.as_of).days
    return {name: rows if settled_days(name, config) <= days else rows.iloc[:0] for name, rows in told.items()}


def _with_ids(rows: pd.DataFrame, history: History) -> pd.DataFrame:
    return rows.assign(student_id=history.student_ids[rows["owner"].to_numpy(np.int64)])


def _figures(name: str, examples: Examples, rows: pd.DataFrame, config: OutlookConfig) -> dict[str, Any]:
    answer, baselines = choose(name, examples, config), baselines_of(name, examples, config)
    if answer.model is None or rows.empty:
        return {"n": len(rows), "in_use": answer.in_use}
    happened = rows["outcome"].to_numpy(np.float64)
    return {
        **probability_figures(happened, answer.model.probability(rows)),
        "in_use": answer.in_use,
        "baselines": {
            code: _short(happened, each.model.probability(rows))
            for code, each in baselines.items()
            if each.model is not None
        },
    }


def _short(happened: Floats, probability: Floats) -> dict[str, Any]:
    return {
        "auroc": auroc(happened, probability),
        "brier": brier(happened, probability),
        "expected_calibration_error": expected_calibration_error(happened, probability),
    }


def _by_course_start(inputs: OutlookInput, rows: pd.DataFrame) -> list[tuple[dt.date, pd.DataFrame]]:
    """Rows of students by the latest start of a course of theirs, where there are enough."""
    began = inputs.courses[inputs.courses["course_start_date"] < pd.Timestamp(inputs.as_of)]
    start = began.groupby("student_id")["course_start_date"].max()
    by_start = rows.assign(start=start.reindex(rows["student_id"]).to_numpy()).groupby("start", sort=True)
    return [(pd.Timestamp(str(day)).date(), own) for day, own in by_start if len(own) >= _LEAST_OF_COURSE]
