-- A warning that was resolved at the cut-off or later is still open. How severe it was said to be is read as it is now.
select
    id as warning_id,
    student_id,
    tenant_id,
    warning_type,
    subject,
    detected_date,
    severity,
    probability,
    detected_at,
    case when {{ has_happened('resolved_at') }} then resolved_at end as resolved_at,
    context_data,
    recommended_actions,
    reasoning,
    model_version
from {{ app_table('early_warnings', 'published') }}
where detected_date < {{ as_of_date() }}
