"""How good the models would have been: a run with an earlier cut-off, compared with what happened next.

Belongs here: building features of a past cut-off beside those of the last run, and reading what came after it.
Not here: models and metrics (`ml_assets`).
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from local_supabase.sample.traits import hidden_traits
from ml_assets.early_warnings.backtest import evaluate_warnings
from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.inputs import BacktestInput, PlainRuleInput
from ml_assets.early_warnings.rules import plain_alerts
from ml_assets.learning_patterns.backtest import evaluate_patterns
from ml_assets.learning_patterns.inputs import LaterActivity, LearningPatternInput
from ml_assets.outlook.backtest import evaluate_outlook
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.evidence import BURNOUT, daily_burnout, silences
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import fit
from ml_assets.outlook.outcomes import SILENCE
from ml_assets.recommender.backtest import evaluate_recommender
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.score_prediction.backtest import evaluate_scores
from ml_assets.score_prediction.inputs import ScorePredictionInput
from ml_assets.subject_risk.backtest import evaluate_risk
from ml_assets.subject_risk.inputs import SubjectRiskInput
from orchestration.cutoff import Cutoff
from orchestration.features import (
    read_exam_scores,
    read_learning_pattern_input,
    read_outlook_input,
    read_recommender_input,
    read_score_input,
    read_subject_risk_input,
)
from orchestration.settings import Settings
from orchestration.transform import (
    ACTIVITY_ONLY,
    BACKTEST_TARGET,
    FEATURES_ONLY,
    OUTCOMES_ONLY,
    SCHEMAS,
    SCORES_ONLY,
    dbt_environment,
    run_dbt,
)
from postgres_arrow import read_arrow

# Two weeks: long enough for a student to start something new, short enough that the list is still the one shown.
WINDOW = dt.timedelta(days=14)

# Habits told at the cut-off are held against the four weeks after it: every weekday comes four times.
HABITS_WINDOW = dt.timedelta(days=28)

# Warnings are raised for eight weeks; an event counts up to four weeks later, and a silence takes four more to be seen.
WARNINGS_WINDOW = dt.timedelta(days=56)
ANALYSIS_WINDOW = dt.timedelta(days=112)

# A year: as far ahead as a score is predicted.
SCORES_WINDOW = dt.timedelta(days=365)

_STARTED_SINCE = """
    select student_id::text, content_id::text
    from {schema}_features.feat_student_content__interactions
    where first_done_date >= date '{since}'
    order by student_id, content_id
"""
_SPELLS = """
    select student_id::text, start_hour, count(*) as spell_count, sum(net_seconds) as net_seconds
    from {schema}_intermediate.int_study__spells
    where study_date >= date '{since}' and study_date < date '{until}' and start_hour is not null
    group by student_id, start_hour
    order by student_id, start_hour
"""
_PLANS = """
    select
        student_id::text, extract(dow from plan_date)::integer as weekday, count(*) as planned_count,
        count(*) filter (where is_completed) as done_count
    from {schema}_intermediate.int_plan__items
    where plan_date >= date '{since}' and plan_date < date '{until}' and counts_for_completion
    group by 1, 2
    order by 1, 2
"""
_TIMED_ITEMS = """
    select
        student_id::text, content_type, subject_group, net_seconds / 60.0::double precision as minutes,
        planned_units as unit_count, estimated_minutes
    from {schema}_intermediate.int_plan__items
    where
        completed_date >= date '{since}' and completed_date < date '{until}' and counts_for_completion
        and net_seconds >= 60 and content_type is not null and subject_group is not null
    order by student_id, plan_id
"""


def backtest(settings: Settings, url: str, cutoffs: list[Cutoff]) -> list[dict[str, Any]]:
    """Metrics of every model at each cut-off, beside its baselines on the same rows.

    Works in schemas of its own (`backtest_*`); the features of the last run stay as they are.
    """
    return [{"as_of": cutoff.date.isoformat(), **_at(settings, url, cutoff)} for cutoff in cutoffs]


def _at(settings: Settings, url: str, cutoff: Cutoff) -> dict[str, Any]:
    sides = read_both_sides(settings, url, cutoff)
    hidden = hidden_habits(settings)
    return {
        "recommendations": evaluate_recommender(sides.inputs, sides.started).to_dict(),
        "score_predictions": evaluate_scores(sides.scores, sides.later_scores),
        "outlook": {**evaluate_outlook(sides.outlook, sides.later_outlook), "warnings": _warnings(sides)},
        "patterns": {
            **evaluate_patterns(sides.habits, sides.later_activity, hidden),
            "subjects": evaluate_risk(sides.risk, sides.later_scores, hidden),
        },
    }


@dataclass(frozen=True)
class BothSides:
    """What was known at a cut-off, and what came after it.

    `started` are student × content pairs first done within `WINDOW`; `later_scores` are scores as `scores.scores` holds
    them, known within `SCORES_WINDOW`; `later_activity` is of `HABITS_WINDOW`; `later_outlook` has the frames of
    `outlook` as they were `ANALYSIS_WINDOW` later, or today where that is sooner.
    """

    inputs: RecommenderInput
    scores: ScorePredictionInput
    outlook: OutlookInput
    habits: LearningPatternInput
    risk: SubjectRiskInput
    started: pd.DataFrame
    later_activity: LaterActivity
    later_outlook: OutlookInput
    later_scores: pd.DataFrame


def read_both_sides(settings: Settings, url: str, cutoff: Cutoff) -> BothSides:
    """Both sides of `cutoff`, in the schemas of the backtest."""
    schema = SCHEMAS[BACKTEST_TARGET]

    def build(day: dt.date, models: tuple[str, ...]) -> None:
        Cutoff(day).write(url, schema)
        run_dbt(settings, models, BACKTEST_TARGET, dbt_environment(url))

    build(cutoff.date, FEATURES_ONLY)
    inputs, scores = read_recommender_input(url, schema), read_score_input(url, schema)
    outlook, habits = read_outlook_input(url, schema), read_learning_pattern_input(url, schema)
    risk = read_subject_risk_input(url, schema)
    # The features are in memory; the cut-off moves on, and the same models tell what came next.
    build(cutoff.date + WINDOW, OUTCOMES_ONLY)
    started = read_arrow(url, _STARTED_SINCE.format(schema=schema, since=cutoff.date)).to_pandas()
    build(min(cutoff.date + ANALYSIS_WINDOW, Cutoff.today(dt.datetime.now(dt.UTC)).date), ACTIVITY_ONLY)
    later_outlook, later_activity = read_outlook_input(url, schema), _later_activity(url, schema, cutoff)
    build(cutoff.date + SCORES_WINDOW, SCORES_ONLY)
    return BothSides(
        inputs=inputs,
        scores=scores,
        outlook=outlook,
        habits=habits,
        risk=risk,
        started=started,
        later_activity=later_activity,
        later_outlook=later_outlook,
        later_scores=read_exam_scores(url, schema),
    )


def hidden_habits(settings: Settings) -> pd.DataFrame | None:
    """What the students of the loaded sample are really like; None when something else is loaded."""
    if not settings.sample_file.exists():
        return None
    made = json.loads(settings.sample_file.read_text("utf-8"))
    return hidden_traits(made["students"], made["seed"])


def _later_activity(url: str, schema: str, cutoff: Cutoff) -> LaterActivity:
    def frame(query: str) -> pd.DataFrame:
        days = {"since": cutoff.date, "until": cutoff.date + HABITS_WINDOW}
        return read_arrow(url, query.format(schema=schema, **days)).to_pandas()

    return LaterActivity(spells=frame(_SPELLS), plans=frame(_PLANS), items=frame(_TIMED_ITEMS))


def _warnings(sides: BothSides) -> dict[str, Any]:
    """Warnings of falling silent, day by day after the cut-off, beside plain rules with as many alerts.

    The model stays that of the cut-off. Days without four weeks of known events behind them are not asked about.
    """
    later, config, rules = sides.later_outlook, OutlookConfig(), EarlyWarningConfig()
    silence_days = config.silence_until_days - config.silence_from_days
    known_until = later.as_of - dt.timedelta(days=rules.horizon_days + silence_days)
    last = min(sides.outlook.as_of + WARNINGS_WINDOW, known_until)
    days = pd.date_range(sides.outlook.as_of, last, inclusive="left", unit="s")
    model = fit(sides.outlook, config)
    if not len(days) or model.answers[SILENCE].model is None:
        return {"days": len(days), "in_use": model.answers[SILENCE].in_use}
    numbers = days.to_numpy("datetime64[D]").astype("int64")
    found = daily_burnout(model, later, numbers)
    students = sides.outlook.students
    here = students.loc[students["withdrawn_date"].isna(), ["student_id", "tenant_id"]]
    # The outlook has places and no raw scores, and the plain rule of falling scores takes either.
    scores = later.scores.assign(raw_score=float("nan"))
    plain = plain_alerts(PlainRuleInput(later.daily, scores, later.courses), [day.date() for day in days])
    return evaluate_warnings(
        BacktestInput(
            students=here,
            evidence=found[found["student_id"].isin(here["student_id"])].assign(harm=rules.rules[BURNOUT].harm),
            plain_alerts=plain,
            events=silences(later, int(numbers[0]), config),
        )
    )
