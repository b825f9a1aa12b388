select
    student_id,
    subject_group,
    exam_kind,
    target_date,
    week_start as week_start_date,
    tenant_id,
    exam_type,
    predicted_score,
    lower,
    upper,
    lower_90,
    upper_90,
    confidence,
    scale,
    basis,
    past_exam_count,
    as_of::date as as_of_date,
    model_version,
    logged_at
from {{ app_table('score_prediction_log', 'serving') }}
where {{ has_happened('logged_at') }}
