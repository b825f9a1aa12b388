-- What came of what was published as likely: predictions whose period is over.
select
    student_id,
    tenant_id,
    prediction_type,
    subject,
    prediction_date,
    target_period_start_date,
    target_period_end_date,
    prediction_score,
    confidence,
    actual_outcome,
    basis,
    model_version
from {{ ref('stg_published__student_predictions') }}
where target_period_end_date < {{ as_of_date() }}
