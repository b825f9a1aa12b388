"""The outlook: one additive model a question, fitted as of a day, kept as data, asked about students.

Belongs here: choosing between model and baselines on later days, and the artifact. Not here: what is asked
(`outcomes`), how the answers are told (`publication`) and how good they were (`backtest`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd

from ml_assets.evaluation.probabilities import brier, probability_figures
from ml_assets.outlook import outcomes
from ml_assets.outlook.additive import AdditiveModel, fit_additive, isotonic
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.features import (
    EXAM_FEATURES,
    STUDENT_FEATURES,
    SUBJECT_FEATURES,
    exam_features,
    mondays_before,
    student_features,
    subject_features,
    weekly_days,
)
from ml_assets.outlook.history import Floats, History, Ints, day_number
from ml_assets.outlook.inputs import OutlookInput

SCHEMA_VERSION: Final = 1
ADDITIVE, INSUFFICIENT = "additive", "insufficient"

_OF_STUDENTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "base_rate": (),
        "days_since_active": ("days_since_active",),
        "done_14d": ("done_14d",),
        "completion_28d": ("completion_28d",),
    }
)
_BASELINES: Final[dict[str, Mapping[str, tuple[str, ...]]]] = {
    **dict.fromkeys(outcomes.QUESTIONS, _OF_STUDENTS),
    outcomes.STRUGGLE: {"base_rate": (), "completion_12w": ("completion_12w",)},
    outcomes.READY: {"base_rate": (), "latest_gap": ("latest_gap",)},
}
"""By question what one would do without a model, as features that a model may use: each is fitted as the model is."""

_FEATURES: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(outcomes.QUESTIONS, STUDENT_FEATURES),
    outcomes.STRUGGLE: SUBJECT_FEATURES,
    outcomes.READY: EXAM_FEATURES,
}
_MANIFEST: Final = "manifest.json"


class ModelMismatchError(ValueError):
    """An artifact that this code cannot use, or that was changed."""


@dataclass(frozen=True)
class Answer:
    """The model of one question. `in_use`: ADDITIVE, a baseline that was not beaten, or INSUFFICIENT with no model."""

    model: AdditiveModel | None
    in_use: str
    metrics: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class OutlookModel:
    """Answers by question, as of a day."""

    as_of: dt.date
    config: OutlookConfig
    answers: Mapping[str, Answer]

    @property
    def in_use(self) -> str:
        """What answers each question, in one line."""
        return ", ".join(f"{name} {answer.in_use}" for name, answer in self.answers.items())

    @property
    def metrics(self) -> dict[str, Any]:
        """Figures on the latest reference days, which the models compared had not seen."""
        return {name: dict(answer.metrics) for name, answer in self.answers.items()}

    @property
    def content_hash(self) -> str:
        """Hash of all that decides an answer."""
        return hashlib.sha256(json.dumps(self._decisive(), sort_keys=True).encode()).hexdigest()

    @property
    def version(self) -> str:
        """Name of this model: changes with its content."""
        used = {answer.in_use for answer in self.answers.values()}
        kind = ADDITIVE if ADDITIVE in used else "baseline" if used != {INSUFFICIENT} else INSUFFICIENT
        return f"outlook-{kind}-{self.content_hash[:12]}"

    def save(self, folder: Path) -> None:
        """Write the manifest into `folder`, which is made when missing: tables of points are all there is."""
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {
            **self._decisive(),
            "content_hash": self.content_hash,
            "metrics": self.metrics,
            "libraries": {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "pandas")},
        }
        # Effects stay in their order, in which they are added up.
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        (folder / _MANIFEST).write_text(text + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> OutlookModel:
        """Read what `save` wrote. Raises ModelMismatchError for another schema version or a changed file."""
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if manifest["schema_version"] != SCHEMA_VERSION:
            raise ModelMismatchError(
                f"{folder} holds an outlook of schema {manifest['schema_version']}; this code reads {SCHEMA_VERSION}. "
                "Fit again."
            )
        model = cls(
            as_of=dt.date.fromisoformat(manifest["as_of"]),
            config=OutlookConfig(**manifest["config"]),
            answers={
                name: Answer(
                    AdditiveModel.from_dict(each["model"]) if each["model"] else None,
                    each["in_use"],
                    manifest["metrics"][name],
                )
                for name, each in manifest["answers"].items()
            },
        )
        if model.content_hash != manifest["content_hash"]:
            raise ModelMismatchError(
                f"{folder} was changed after it was written: its hash is not the one in its manifest. Fit again."
            )
        return model

    def _decisive(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "as_of": self.as_of.isoformat(),
            "config": asdict(self.config),
            "answers": {
                name: {"in_use": answer.in_use, "model": answer.model.to_dict() if answer.model else None}
                for name, answer in self.answers.items()
            },
        }


@dataclass(frozen=True)
class Examples:
    """Rows of features with what came of them: `outcome` 0 to 1, `day` the reference day."""

    rows: pd.DataFrame
    outcome: Floats
    settled_days: int

    @property
    def day(self) -> Floats:
        """Reference day of each row."""
        return self.rows["day"].to_numpy(np.float64)


def fit(inputs: OutlookInput, config: OutlookConfig, until: dt.date | None = None) -> OutlookModel:
    """Fit every question on what was settled by `until` (default: the cut-off)."""
    until = until or inputs.as_of
    return fit_to(examples_of(inputs, config, until), config, until)


def fit_to(examples: Mapping[str, Examples], config: OutlookConfig, until: dt.date) -> OutlookModel:
    """Fit every question to its examples, all of them settled by `until`."""
    return OutlookModel(
        as_of=until, config=config, answers={name: choose(name, each, config) for name, each in examples.items()}
    )


def examples_of(inputs: OutlookInput, config: OutlookConfig, until: dt.date) -> dict[str, Examples]:
    """By question, rows of a year of weekly reference days whose outcome was settled by `until`."""
    last = day_number(until)
    # Whole weeks before the cut-off, as plans made ahead are counted (`daily`), whatever weekday `until` is.
    days = weekly_days(until - dt.timedelta(days=(until - inputs.as_of).days % 7), config.history_weeks)
    days = days[days < last]
    history = _sample(History.of(inputs), inputs, days, config)
    students = student_features(history, inputs, days)
    found = {}
    for name, question in outcomes.QUESTIONS.items():
        settled = question.settled_days(config)
        rows = students[question.asked(students, config) & (students["day"] + settled <= last).to_numpy()]
        found[name] = _told(rows, question.outcome(history, rows, config), settled, config)
    weeks = 7 * config.struggle_weeks
    mondays = mondays_before(until, config.history_weeks)
    subjects = subject_features(history, inputs, mondays[mondays + weeks <= last])
    found[outcomes.STRUGGLE] = _told(subjects, outcomes.subject_struggle(subjects, config), weeks, config)
    exams = ready_features(history, inputs, days[days + config.exam_days <= last], students, config)
    found[outcomes.READY] = _told(exams, exams["kept"].to_numpy(np.float64), config.exam_days, config)
    return found


def ready_features(
    history: History, inputs: OutlookInput, days: Ints, students: pd.DataFrame, config: OutlookConfig
) -> pd.DataFrame:
    """`exam_features` of `days` beside those features of `students` that readiness is judged by."""
    shared = ["owner", "day", *(name for name in EXAM_FEATURES if name in STUDENT_FEATURES and name != "exams")]
    exams = exam_features(history, inputs, days, config)
    return exams.merge(students[shared], on=["owner", "day"], how="left")


def choose(name: str, examples: Examples, config: OutlookConfig) -> Answer:
    """The model of a question, or the baseline that it does not beat on the latest reference days."""
    outcome = examples.outcome
    enough = len(outcome) >= config.min_rows and min(outcome.sum(), (1 - outcome).sum()) >= config.min_events
    days = np.unique(examples.day)
    if not enough or len(days) < 2:
        return Answer(None, INSUFFICIENT, {"rows": len(outcome), "events": float(outcome.sum())})
    first = days[min(int(np.ceil(len(days) * (1 - config.validation_share))), len(days) - 1)]
    is_late = examples.day >= first
    # What was learned from must have been settled when the first of the later questions was asked.
    is_early = examples.day + examples.settled_days <= first
    if is_early.sum() < config.min_rows or is_late.sum() < config.min_events:
        model = _fitted(examples.rows, outcome, (), config)
        return Answer(model, "base_rate", {"rows": len(outcome), "events": float(outcome.sum())})
    early, late, happened = examples.rows[is_early], examples.rows[is_late], outcome[is_late]
    features = {**_BASELINES[name], ADDITIVE: _FEATURES[name]}
    tried = {code: _fitted(early, outcome[is_early], names, config) for code, names in features.items()}
    errors = {code: brier(happened, model.probability(late)) for code, model in tried.items()}
    baseline = min(_BASELINES[name], key=lambda code: (errors[code], code))
    in_use = ADDITIVE if errors[ADDITIVE] <= (1 - config.least_gain) * errors[baseline] else baseline
    model = _fitted(examples.rows, outcome, features[in_use], config)
    model = _calibrated(model, examples, features[in_use], config)
    figures = {code: probability_figures(happened, each.probability(late)) for code, each in tried.items()}
    return Answer(
        model,
        in_use,
        {
            "rows": len(outcome),
            "events": float(outcome.sum()),
            **figures.pop(in_use),
            "is_isotonic": model.calibration is not None,
            "baselines": figures,
        },
    )


def baselines_of(name: str, examples: Examples, config: OutlookConfig) -> dict[str, Answer]:
    """What one would do without the model, fitted to the same examples; without models where they are too few."""
    if len(examples.outcome) < config.min_rows:
        return {code: Answer(None, INSUFFICIENT, {}) for code in _BASELINES[name]}
    return {
        code: Answer(_fitted(examples.rows, examples.outcome, features, config), code, {})
        for code, features in _BASELINES[name].items()
    }


def this_monday(as_of: dt.date) -> Ints:
    """Day number of the Monday of the week of `as_of`, as an array of one."""
    return mondays_before(as_of, 0)


def _calibrated(
    model: AdditiveModel, examples: Examples, features: Sequence[str], config: OutlookConfig
) -> AdditiveModel:
    """`model` with isotonic calibration, where that betters students whom neither model nor calibration has seen.

    The calibration is of the shape alone, from probabilities of each half of the students by a model of the other half:
    what one part of a year says of the level in another is no better than the model's own.
    """
    rows, outcome = examples.rows, examples.outcome
    is_even = rows["owner"].to_numpy(np.int64) % 2 == 0
    halves = (is_even, ~is_even)
    if min(half.sum() for half in halves) < config.min_rows:
        return model
    unseen = np.zeros(len(outcome))
    for half in halves:
        unseen[~half] = _fitted(rows[half], outcome[half], features, config).probability(rows[~half])
    corrected = np.zeros(len(outcome))
    for half in halves:
        corrected[~half] = np.interp(unseen[~half], *isotonic(unseen[half], outcome[half]))
    if brier(outcome, corrected) > (1 - config.least_gain) * brier(outcome, unseen):
        return model
    return replace(model, calibration=isotonic(unseen, outcome))


def _fitted(rows: pd.DataFrame, outcome: Floats, features: Sequence[str], config: OutlookConfig) -> AdditiveModel:
    return fit_additive(rows, outcome, features, knots=config.knots, regularisation=config.regularisation)


def _told(rows: pd.DataFrame, outcome: Floats, settled_days: int, config: OutlookConfig) -> Examples:
    """Rows with an outcome, at most `max_training_rows`: then every so many-th."""
    told = np.flatnonzero(~np.isnan(outcome))
    told = told[:: -(-len(told) // config.max_training_rows) or 1]
    return Examples(rows.iloc[told].reset_index(drop=True), outcome[told], settled_days)


def _sample(history: History, inputs: OutlookInput, days: Ints, config: OutlookConfig) -> History:
    """The same with at most `max_training_students` of the students who were active on one of `days`' weeks or after.

    They are chosen by a hash of their ids: always the same ones.
    """
    everyone = np.arange(len(history.student_ids))
    since, until = np.full(len(everyone), days[0]), np.full(len(everyone), days[-1])
    ids = history.student_ids[history.active.count(everyone, since, until) > 0]
    if len(ids) <= config.max_training_students:
        return history
    order = np.argsort(pd.util.hash_array(ids.to_numpy(object)), kind="stable")
    chosen = ids[order[: config.max_training_students]]
    return History.of(replace(inputs, students=inputs.students[inputs.students["student_id"].isin(chosen)]))
