-- An edit after the cut-off hides the status it overwrote: such a group counts as active, as it was when it was made.
select
    id as plan_group_id,
    student_id,
    tenant_id,
    plan_purpose,
    period_start as period_start_date,
    period_end as period_end_date,
    target_date,
    case when {{ is_known('updated_at') }} then status else 'active' end as plan_group_status
from {{ source('app', 'plan_groups') }}
where
    {{ is_known('created_at') }}
    and not {{ has_happened('deleted_at') }}
