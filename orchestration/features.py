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
        school_type, school_year_min, school_year_max, curriculum_revision_year as curriculum_revision, is_active
    from {schema}_features.feat_content__catalogue
    order by content_id
"""
_STUDENT_SUBJECTS = """
    select student_id::text, subject_group, subject
    from {schema}_features.feat_student__subjects
    order by student_id, subject_group, subject
"""
_INTERACTIONS = """
    select
        pair.student_id::text, pair.content_id::text, pair.first_planned_date, pair.first_done_date,
        pair.last_done_date, pair.planned_count, pair.done_count
    from {schema}_features.feat_student_content__interactions as pair
    inner join {schema}_features.feat_student__profile as profile using (student_id)
    where not profile.is_synthetic
    order by pair.student_id, pair.content_id
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
    )
