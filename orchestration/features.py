"""Features out of the warehouse, in the frames that the models take.

Belongs here: which columns of which feature model a product reads. Not here: computing anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ml_assets.learning_patterns.inputs import LearningPatternInput
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.score_analysis.inputs import ScoreAnalysisInput
from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.inputs import ScorePredictionInput
from ml_assets.score_prediction.ledger import Ledger
from ml_assets.subject_risk.inputs import SubjectRiskInput
from ml_assets.subject_risk.risk import weak_subjects
from orchestration.cutoff import read_cutoff
from postgres_arrow import read_arrow

# Students who have left, and the app's own dummies, are neither recommended to nor learned from.
_STUDENTS = """
    select
        student_id::text, tenant_id::text, school_type, school_year_level,
        curriculum_revision_year as curriculum_revision
    from {schema}_features.feat_student__profile
    where not is_withdrawn and not is_synthetic
    order by student_id
"""
_CONTENTS = """
    select
        content_id::text, content_type, tenant_id::text, subject_group, subject_id::text, subject, difficulty_level,
        school_type, school_year_min, school_year_max, curriculum_revision_year as curriculum_revision, series_name,
        title_stem, volume_number, total_units, is_active
    from {schema}_features.feat_content__catalogue
    order by content_id
"""
_STUDENT_SUBJECTS = """
    select student_id::text, subject_group, subject, since_date
    from {schema}_features.feat_student__subjects
    order by student_id, subject_group, subject
"""
_INTERACTIONS = """
    select
        pair.student_id::text, pair.content_id::text, pair.first_planned_date, pair.first_done_date,
        pair.last_done_date, pair.planned_count, pair.done_count, pair.done_units
    from {schema}_features.feat_student_content__interactions as pair
    inner join {schema}_features.feat_student__profile as profile using (student_id)
    where not profile.is_synthetic
    order by pair.student_id, pair.content_id
"""
_PREREQUISITES = """
    select tenant_id::text, content_id::text, prerequisite_id::text
    from {schema}_features.feat_content__prerequisites
    order by tenant_id, content_id, prerequisite_id
"""


# Who has left keeps teaching the predictor; the app's own dummies teach nobody.
_SCORED_STUDENTS = """
    select student_id::text, tenant_id::text, school_type, school_year_level
    from {schema}_features.feat_student__profile
    where not is_withdrawn and not is_synthetic
    order by student_id
"""
_EXAM_SCORES = """
    select
        score.score_id::text, score.student_id::text, score.subject_group, score.subject_id::text, score.exam_kind,
        score.exam_type, score.exam_date, score.known_date, score.course_day, score.school_year_level, score.raw_score,
        score.percentile, score.percentile_basis, score.rank_grade, score.rank_grade_levels, score.standard_score,
        score.credit_hours, score.z_score
    from {schema}_features.feat_student_exam__scores as score
    inner join {schema}_features.feat_student__profile as profile using (student_id)
    where not profile.is_synthetic
    order by score.score_id
"""
_WEEKLY_EFFORT = """
    select
        student_id::text, subject_group, week_start, planned_count, done_count, done_by_week_end_count,
        carried_over_count, net_seconds
    from {schema}_features.feat_student_subject__weekly_effort
    order by student_id, subject_group, week_start
"""
_COURSES = """
    select student_id::text, subject_group, subject_id::text, course_start_date
    from {schema}_features.feat_student_subject__courses
    order by student_id, subject_group
"""
# What the app's old risk formula takes for study. The column is deprecated, so that no feature has it.
_AMOUNTS = """
    select progress.student_id::text, content.subject_group, sum(progress.completed_amount) as completed_amount
    from {schema}_staging.stg_app__student_content_progress as progress
    left join {schema}_intermediate.int_content__copies as copy on progress.content_id = copy.content_id
    inner join {schema}_features.feat_content__catalogue as content
        on coalesce(copy.master_content_id, progress.content_id) = content.content_id
    where content.subject_group is not null
    group by progress.student_id, content.subject_group
    order by progress.student_id, content.subject_group
"""
# The last promise before each exam: one that was repeated for weeks is no more often kept or broken.
_LEDGER = """
    select distinct on (student_id, subject_group, exam_kind, target_date)
        predicted_score, lower, upper, lower_90, upper_90, actual_score,
        scored_date >= cutoff.as_of_date - {refuse_days} as is_recent
    from {schema}_marts.fct_score_prediction_outcomes
    cross join {schema}_control.cutoff
    where scored_date >= cutoff.as_of_date - {days}
    order by student_id, subject_group, exam_kind, target_date, week_start_date desc
"""

# Who has left teaches the outlook what leaving looks like.
_EVERYBODY = """
    select student_id::text, tenant_id::text, school_type, school_year_level, withdrawn_date
    from {schema}_features.feat_student__profile
    where not is_synthetic
    order by student_id
"""
_DAILY = """
    select
        daily.student_id::text, daily.activity_date, daily.planned_count, daily.planned_ahead_count,
        daily.done_on_time_count, daily.done_in_week_count, daily.done_count, daily.ticked_count,
        daily.carried_over_count, daily.spell_count, daily.net_seconds, daily.late_seconds
    from {schema}_features.feat_student__daily_activity as daily
    inner join {schema}_features.feat_student__profile as profile using (student_id)
    where not profile.is_synthetic
    order by daily.student_id, daily.activity_date
"""
_COMING_WEEK = """
    select student_id::text, planned_count, planned_minutes
    from {schema}_features.feat_student__coming_week
    order by student_id
"""
# What is shorter than a course is a step, which the next one follows.
_ENROLMENTS = """
    select student_id::text, plan_group_id::text, start_date, end_date, cancelled_date
    from {schema}_features.feat_student__enrolments
    where end_date - start_date >= {course_days}
    order by student_id, plan_group_id
"""

_HOURS = """
    select hours.student_id::text, hours.start_hour, hours.spell_count, hours.net_seconds, hours.planned_count,
        hours.done_count
    from {schema}_features.feat_student_hour__activity as hours
    order by hours.student_id, hours.start_hour
"""
_RHYTHM = """
    select student_id::text, weekday_planned_count, weekday_done_count
    from {schema}_features.feat_student__rhythm
    order by student_id
"""
_SUBJECT_ACTIVITY = """
    select student_id::text, subject_group, planned_84d_count, done_84d_count
    from {schema}_features.feat_student_subject__activity
    order by student_id, subject_group
"""
_KINDS = """
    select
        student_id::text, content_type, subject_group, item_count, mean_log_minutes, var_log_minutes, unit_item_count,
        mean_log_unit_minutes, var_log_unit_minutes, estimated_item_count, mean_log_pace, var_log_pace
    from {schema}_features.feat_student_kind__effort
    order by student_id, content_type, subject_group
"""
# The day of an exam: that of a goal, or the day that a plan group aims at.
_EXAMS_AHEAD = """
    select student_id::text, least(next_goal_days_left, next_target_days_left) as days_left
    from {schema}_features.feat_student__goals
    where coalesce(next_goal_days_left, next_target_days_left) is not null
    order by student_id
"""
_BENCHMARKS = """
    select
        tenant_id::text, school_type, school_year_level, subject_group, exam_kind, student_count, percentile_p25,
        percentile_p50, percentile_p75
    from {schema}_marts.fct_cohort_benchmark
    order by school_type, school_year_level, subject_group, exam_kind, tenant_id
"""
# What was published before the cut-off, for the runs after it: predictions to be settled, warnings that are open.
_PUBLISHED_PREDICTIONS = """
    select
        student_id::text, prediction_type, prediction_date, tenant_id::text, subject,
        target_period_start_date::text as target_period_start, target_period_end_date::text as target_period_end,
        prediction_score, base_score, confidence, contributing_factors::text, recommended_interventions::text,
        reasoning, basis, actual_outcome
    from {schema}_staging.stg_published__student_predictions
    order by student_id, prediction_type, prediction_date
"""
_PUBLISHED_WARNINGS = """
    select
        warning_id::text as id, student_id::text, tenant_id::text, warning_type, subject, detected_date, severity,
        detected_at, resolved_at, context_data::text, recommended_actions::text, probability, reasoning
    from {schema}_staging.stg_published__early_warnings
    order by student_id, warning_type, subject, detected_date
"""
_VERDICTS = """
    select
        warning_id::text, student_id::text, tenant_id::text, warning_type, subject, detected_date, action_type,
        action_date
    from {schema}_staging.stg_published__warning_actions
    order by warning_id, action_at, action_id
"""


def _frames(url: str, schema: str) -> Callable[[str], pd.DataFrame]:
    """What answers a query about the features in `schema`, days as datetime64."""
    return lambda query: read_arrow(url, query.format(schema=schema)).to_pandas(date_as_object=False)


def read_score_input(url: str, schema: str) -> ScorePredictionInput:
    """Frames of the score predictor as of the cut-off that the features in `schema` were built for."""
    frame = _frames(url, schema)
    return ScorePredictionInput(
        as_of=read_cutoff(url, schema).date,
        students=frame(_SCORED_STUDENTS),
        scores=frame(_EXAM_SCORES),
        effort=frame(_WEEKLY_EFFORT),
        courses=frame(_COURSES),
    )


def read_exam_scores(url: str, schema: str) -> pd.DataFrame:
    """The scores that the features in `schema` know, as `ScorePredictionInput.scores`."""
    return _frames(url, schema)(_EXAM_SCORES)


def read_score_ledger(url: str, schema: str, config: ScorePredictionConfig) -> Ledger:
    """Predictions that were resolved in the `ledger_days` before the cut-off, for the intervals of the next ones."""
    query = _LEDGER.format(schema=schema, days=config.ledger_days, refuse_days=config.ledger_refuse_days)
    return Ledger(read_arrow(url, query).to_pandas())


def read_recommender_input(url: str, schema: str) -> RecommenderInput:
    """Frames of the recommender as of the cut-off that the features in `schema` were built for."""
    frame = _frames(url, schema)
    return RecommenderInput(
        as_of=read_cutoff(url, schema).date,
        students=frame(_STUDENTS),
        contents=frame(_CONTENTS),
        student_subjects=frame(_STUDENT_SUBJECTS),
        interactions=frame(_INTERACTIONS),
        weak_subjects=weak_subjects(read_subject_risk_input(url, schema)),
        prerequisites=frame(_PREREQUISITES),
    )


def read_subject_risk_input(url: str, schema: str) -> SubjectRiskInput:
    """Frames of the risk as of the cut-off that the features in `schema` were built for."""
    frame = _frames(url, schema)
    return SubjectRiskInput(
        as_of=read_cutoff(url, schema).date,
        students=frame(_SCORED_STUDENTS),
        scores=frame(_EXAM_SCORES),
        weekly=frame(_WEEKLY_EFFORT),
        subjects=frame(_SUBJECT_ACTIVITY),
        courses=frame(_COURSES),
        amounts=frame(_AMOUNTS),
    )


def read_outlook_input(url: str, schema: str) -> OutlookInput:
    """Frames of the outlook as of the cut-off that the features in `schema` were built for."""
    frame = _frames(url, schema)
    return OutlookInput(
        as_of=read_cutoff(url, schema).date,
        students=frame(_EVERYBODY),
        daily=frame(_DAILY),
        coming_week=frame(_COMING_WEEK),
        enrolments=frame(_ENROLMENTS.replace("{course_days}", str(OutlookConfig().course_min_days))),
        scores=frame(_EXAM_SCORES),
        weekly=frame(_WEEKLY_EFFORT),
        courses=frame(_COURSES),
    )


def read_learning_pattern_input(url: str, schema: str) -> LearningPatternInput:
    """Frames of the learning patterns as of the cut-off that the features in `schema` were built for."""
    frame = _frames(url, schema)
    return LearningPatternInput(
        as_of=read_cutoff(url, schema).date,
        students=frame(_SCORED_STUDENTS),
        daily=frame(_DAILY),
        hours=frame(_HOURS),
        rhythm=frame(_RHYTHM),
        subjects=frame(_SUBJECT_ACTIVITY),
        weekly=frame(_WEEKLY_EFFORT),
        kinds=frame(_KINDS),
    )


def read_score_analysis_input(url: str, schema: str) -> ScoreAnalysisInput:
    """Frames of the score summaries; their benchmarks are a mart, which a backtest does not build."""
    frame = _frames(url, schema)
    return ScoreAnalysisInput(
        as_of=read_cutoff(url, schema).date,
        students=frame(_SCORED_STUDENTS),
        scores=frame(_EXAM_SCORES),
        benchmarks=frame(_BENCHMARKS),
    )


@dataclass(frozen=True)
class Published:
    """What the app reads of earlier runs, before the cut-off: predictions, warnings, and staff's verdicts on these."""

    predictions: pd.DataFrame
    warnings: pd.DataFrame
    verdicts: pd.DataFrame


def read_published(url: str, schema: str) -> Published:
    """What was published before the cut-off."""
    frame = _frames(url, schema)
    return Published(
        predictions=frame(_PUBLISHED_PREDICTIONS),
        warnings=frame(_PUBLISHED_WARNINGS),
        verdicts=frame(_VERDICTS),
    )


def read_exams_ahead(url: str, schema: str) -> pd.DataFrame:
    """Days from the cut-off to each student's next exam, where a goal or plan group has one: student_id, days_left."""
    return read_arrow(url, _EXAMS_AHEAD.format(schema=schema)).to_pandas()
