-- 모의고사. `percentile` is 0–100, higher better, and empty where the exam has none (영어, 한국사).
select
    id as score_id,
    student_id,
    tenant_id,
    subject_group_id,
    subject_id,
    grade as school_year_level,
    exam_date,
    exam_title,
    raw_score,
    standard_score,
    percentile,
    grade_score as rank_grade,
    created_at
from {{ source('app', 'student_mock_scores') }}
where {{ is_known('created_at') }} and exam_date < {{ as_of_date() }}
