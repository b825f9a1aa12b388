"""The tables of the analysis: patterns, risk, summaries, outlook and warnings, from the features of one cut-off.

Belongs here: which product makes which table, and out of what. Not here: Dagster, or how a product works.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import pandas as pd

from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.inputs import EarlyWarningInput, ReviewInput
from ml_assets.early_warnings.review import review
from ml_assets.early_warnings.step import step
from ml_assets.learning_patterns.cohorts import cohort_patterns
from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.publication import patterns
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.evidence import BURNOUT, STRUGGLE, evidence, silences
from ml_assets.outlook.history import day_number
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import OutlookModel
from ml_assets.outlook.publication import PUBLISHED, keep, predictions, settled, settled_days
from ml_assets.score_analysis.config import ScoreAnalysisConfig
from ml_assets.score_analysis.summaries import summaries
from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.publication import risks
from orchestration.features import (
    Published,
    read_exams_ahead,
    read_learning_pattern_input,
    read_outlook_input,
    read_published,
    read_score_analysis_input,
    read_subject_risk_input,
)

LEARNING_PATTERNS, SUBJECT_RISK = "learning_patterns", "subject_risk"
SCORE_ANALYSIS, EARLY_WARNINGS = "score_analysis", "early_warnings"

CONFIGS: Final[Mapping[str, Any]] = {
    LEARNING_PATTERNS: LearningPatternConfig(),
    SUBJECT_RISK: SubjectRiskConfig(),
    SCORE_ANALYSIS: ScoreAnalysisConfig(),
    EARLY_WARNINGS: EarlyWarningConfig(),
}
"""Products whose estimates are made anew from each run's features: what decides them are their settings."""


@dataclass(frozen=True)
class Analysis:
    """Rows by published table, and by product what is worth showing beside them."""

    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, Mapping[str, Any]]


def version_of(product: str) -> str:
    """Name of the settings of a product: changes with them."""
    settings = json.dumps(asdict(CONFIGS[product]), sort_keys=True, default=str)
    return f"{product}-{hashlib.sha256(settings.encode()).hexdigest()[:12]}"


def analyse(url: str, schema: str, outlook: OutlookModel) -> Analysis:
    """Everything that is published of the analysis, as of the cut-off that the features in `schema` were built for."""
    habits = read_learning_pattern_input(url, schema)
    tables = {
        "student_learning_patterns": patterns(habits, CONFIGS[LEARNING_PATTERNS]),
        "fallback_learning_patterns": cohort_patterns(habits, CONFIGS[LEARNING_PATTERNS]),
        "student_risk_analysis": risks(read_subject_risk_input(url, schema), CONFIGS[SUBJECT_RISK]),
        "score_summaries": summaries(read_score_analysis_input(url, schema), CONFIGS[SCORE_ANALYSIS]),
    }
    inputs = read_outlook_input(url, schema)
    published = as_known(read_published(url, schema), inputs, outlook.config)
    tables["student_predictions"] = predictions(outlook, inputs, published.predictions)
    found = evidence(outlook, inputs, read_exams_ahead(url, schema))
    warned = step(warning_input(inputs, found, published), CONFIGS[EARLY_WARNINGS])
    tables["early_warnings"] = warned.warnings
    tables["warning_rule_reviews"] = review(review_input(inputs, outlook, published), CONFIGS[EARLY_WARNINGS])
    held_back = warned.held_back.groupby("warning_type")["held_back_count"].sum()
    return Analysis(
        tables,
        {
            LEARNING_PATTERNS: _counts(tables["student_learning_patterns"]["basis"]),
            SUBJECT_RISK: _counts(tables["student_risk_analysis"]["basis"]),
            SCORE_ANALYSIS: {},
            EARLY_WARNINGS: {
                "open": _counts(warned.warnings.loc[warned.warnings["resolved_at"].isna(), "warning_type"]),
                "held_back": {str(name): int(count) for name, count in held_back.items()},
            },
        },
    )


def as_known(published: Published, inputs: OutlookInput, config: OutlookConfig) -> Published:
    """`published` as every run of the cut-off finds it, the first one and those after a later one.

    Of predictions, those that this run will keep, with the outcomes that it will fill in: when it runs again the others
    are gone, and these are there. Without outcomes that are settled after the cut-off, which a run of a later day has
    filled in; the end of a period does not tell, since a week's work may still be done late and a silence takes weeks
    to be seen.
    """
    told = keep(published.predictions, inputs, config)
    days = told["prediction_type"].map({name: settled_days(name, config) for name in PUBLISHED}).astype("float64")
    settled_on = pd.to_datetime(told["prediction_date"]) + pd.to_timedelta(days, unit="D")
    outcome = told["actual_outcome"].where(settled_on <= pd.Timestamp(inputs.as_of))
    return replace(published, predictions=settled(told.assign(actual_outcome=outcome), inputs, config))


def warning_input(inputs: OutlookInput, found: pd.DataFrame, published: Published) -> EarlyWarningInput:
    """What the warnings take: evidence of the day with its harm, what is open, and what staff said."""
    harm = {kind: rule.harm for kind, rule in CONFIGS[EARLY_WARNINGS].rules.items()}
    return EarlyWarningInput(
        as_of=inputs.as_of,
        students=_here(inputs),
        evidence=found.assign(harm=found["warning_type"].map(harm)),
        state=published.warnings,
        actions=published.verdicts,
    )


def review_input(inputs: OutlookInput, outlook: OutlookModel, published: Published) -> ReviewInput:
    """What the monthly review takes: of falling silent and of struggling, past probabilities and what came of them."""
    told = published.predictions
    logged = told[told["prediction_type"].isin([BURNOUT, STRUGGLE])].assign(
        warning_type=lambda rows: rows["prediction_type"],
        subject=lambda rows: rows["subject"].fillna(""),
        evidence_date=lambda rows: rows["prediction_date"],
        probability=lambda rows: rows["prediction_score"] / 100,
    )
    struggled = told[(told["prediction_type"] == STRUGGLE) & (told["actual_outcome"] == 100)]
    silent = silences(inputs, day_number(inputs.as_of - dt.timedelta(days=365)), outlook.config)
    return ReviewInput(
        as_of=inputs.as_of,
        students=_here(inputs),
        warnings=published.warnings,
        actions=published.verdicts,
        outcomes=pd.concat(
            [
                silent.assign(warning_type=BURNOUT, subject=""),
                struggled.assign(warning_type=STRUGGLE, event_date=struggled["target_period_end"])[
                    ["student_id", "event_date", "warning_type", "subject"]
                ],
            ],
            ignore_index=True,
        ),
        logged=logged,
    )


def _here(inputs: OutlookInput) -> pd.DataFrame:
    students = inputs.students
    return students.loc[students["withdrawn_date"].isna(), ["student_id", "tenant_id"]]


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}
