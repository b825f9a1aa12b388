"""Features out of the warehouse, in the frames that the models take.

Belongs here: which columns of which feature model a product reads. Not here: computing anything.
"""

from __future__ import annotations

import pandas as pd

from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.inputs import ScorePredictionInput
from ml_assets.score_prediction.ledger import Ledger
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
# Internal and mock exams weigh by their number.
_SCORES = """
    select
        student_id::text, subject_group, sum(exam_count)::integer as exam_count, max(last_exam_date) as last_exam_date,
        sum(recent_percentile * exam_count) / sum(exam_count) as percentile
    from {schema}_features.feat_student_subject__scores
    where subject_group is not null
    group by student_id, subject_group
    order by student_id, subject_group
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
        score.credit_hours
    from {schema}_features.feat_student_exam__scores as score
    inner join {schema}_features.feat_student__profile as profile using (student_id)
    where not profile.is_synthetic
    order by score.score_id
"""
_WEEKLY_EFFORT = """
    select
        student_id::text, subject_group, week_start, planned_count, done_count, carried_over_count, net_seconds
    from {schema}_features.feat_student_subject__weekly_effort
    order by student_id, subject_group, week_start
"""
_COURSES = """
    select student_id::text, subject_group, subject_id::text, course_start_date
    from {schema}_features.feat_student_subject__courses
    order by student_id, subject_group
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


def read_score_input(url: str, schema: str) -> ScorePredictionInput:
    """Frames of the score predictor as of the cut-off that the features in `schema` were built for."""

    def frame(query: str) -> pd.DataFrame:
        return read_arrow(url, query.format(schema=schema)).to_pandas(date_as_object=False)

    return ScorePredictionInput(
        as_of=read_cutoff(url, schema).date,
        students=frame(_SCORED_STUDENTS),
        scores=frame(_EXAM_SCORES),
        effort=frame(_WEEKLY_EFFORT),
        courses=frame(_COURSES),
    )


def read_exam_scores(url: str, schema: str) -> pd.DataFrame:
    """The scores that the features in `schema` know, as `ScorePredictionInput.scores`."""
    return read_arrow(url, _EXAM_SCORES.format(schema=schema)).to_pandas(date_as_object=False)


def read_score_ledger(url: str, schema: str, config: ScorePredictionConfig) -> Ledger:
    """Predictions that were resolved in the `ledger_days` before the cut-off, for the intervals of the next ones."""
    query = _LEDGER.format(schema=schema, days=config.ledger_days, refuse_days=config.ledger_refuse_days)
    return Ledger(read_arrow(url, query).to_pandas())


def read_recommender_input(url: str, schema: str) -> RecommenderInput:
    """Frames of the recommender as of the cut-off that the features in `schema` were built for."""

    def frame(query: str) -> pd.DataFrame:
        return read_arrow(url, query.format(schema=schema)).to_pandas(date_as_object=False)

    return RecommenderInput(
        as_of=read_cutoff(url, schema).date,
        students=frame(_STUDENTS),
        contents=frame(_CONTENTS),
        student_subjects=frame(_STUDENT_SUBJECTS),
        interactions=frame(_INTERACTIONS),
        scores=frame(_SCORES),
        prerequisites=frame(_PREREQUISITES),
    )
