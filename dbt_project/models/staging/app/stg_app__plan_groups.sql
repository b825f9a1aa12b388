-- An edit after the cut-off hides the status it overwrote: such a group counts as active, as it was when it was made.
-- Cancelling a group moves its end to that day and leaves its target: before that, it ran to the later of the two.
select
    id as plan_group_id,
    student_id,
    tenant_id,
    plan_purpose,
    period_start as period_start_date,
    case
        when status = 'cancelled' and not {{ is_known('updated_at') }} then greatest(period_end, target_date)
        else period_end
    end as period_end_date,
    target_date,
    case when {{ is_known('updated_at') }} then status else 'active' end as plan_group_status,
    -- A cancelled group is not edited again; one without a time of its last edit has been cancelled since its end.
    case
        when status = 'cancelled' and {{ is_known('updated_at') }}
            then least(coalesce({{ kst_date('updated_at') }}, period_end), {{ as_of_date() }} - 1)
    end as cancelled_date
from {{ source('app', 'plan_groups') }}
where
    {{ is_known('created_at') }}
    and not {{ has_happened('deleted_at') }}
