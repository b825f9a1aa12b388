"""Features out of the warehouse, in the frames that the models take.

Belongs here: which columns of which feature model a product reads. Not here: computing anything.
"""

from __future__ import annotations

import pandas as pd

from ml_assets.recommender.inputs import RecommenderInput
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
