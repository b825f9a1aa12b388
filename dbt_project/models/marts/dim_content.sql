select
    content_id,
    content_type,
    tenant_id,
    subject_group,
    subject_id,
    subject,
    difficulty_level,
    difficulty_score,
    curriculum_revision_year,
    school_type,
    school_year_min,
    school_year_max,
    total_units,
    is_active,
    student_count
from {{ ref('feat_content__catalogue') }}
