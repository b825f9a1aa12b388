-- 내신. `grade` is the school year, `rank_grade` the achievement grade (1 best); known from the day it was entered.
select
    id as score_id,
    student_id,
    tenant_id,
    student_term_id,
    subject_group_id,
    subject_id,
    curriculum_revision_id,
    grade as school_year_level,
    semester,
    raw_score,
    avg_score,
    std_dev,
    rank_grade,
    grade_system as rank_grade_levels,
    class_rank,
    total_students,
    credit_hours,
    created_at
from {{ source('app', 'student_internal_scores') }}
where {{ is_known('created_at') }}
