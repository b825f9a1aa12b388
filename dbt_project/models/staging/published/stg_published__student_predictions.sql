-- An outcome is known once the period is over: what a later run filled in is not there yet.
select
    student_id,
    prediction_type,
    prediction_date,
    tenant_id,
    subject,
    target_period_start::date as target_period_start_date,
    target_period_end::date as target_period_end_date,
    prediction_score,
    base_score,
    confidence,
    contributing_factors,
    recommended_interventions,
    reasoning,
    basis,
    case when target_period_end::date < {{ as_of_date() }} then actual_outcome end as actual_outcome,
    model_version
from {{ app_table('student_predictions', 'published') }}
where prediction_date < {{ as_of_date() }}
