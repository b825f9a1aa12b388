-- Plans as they stood at the cut-off. What an edit after the cut-off overwrote cannot be read back: a deletion,
-- a replacement or a status that was set after it has not happened yet, and a plan is pending until shown otherwise.
with plans as (
    select
        id as plan_id,
        student_id,
        tenant_id,
        plan_group_id,
        plan_number,
        content_type,
        content_id,
        {{ normalised('content_subject_category') }} as subject_group,
        {{ normalised('content_subject') }} as subject,
        plan_date,
        case when {{ is_known('updated_at') }} then status else 'pending' end as known_status,
        coalesce(actual_end_time, completed_at) as completed_at,
        estimated_minutes,
        coalesce(carryover_count, 0) as carryover_count,
        coalesce(is_adhoc, false) as is_adhoc,
        case
            when total_duration_seconds is not null
                then total_duration_seconds - coalesce(paused_duration_seconds, 0)
            else actual_minutes * 60
        end as net_seconds
    from {{ source('app', 'student_plan') }}
    where
        plan_date < {{ as_of_date() }}
        and {{ is_known('created_at') }}
        and not {{ has_happened('deleted_at') }}
        and not (is_active is false and {{ is_known('updated_at') }})
        and is_virtual is not true
)

select
    plan_id,
    student_id,
    tenant_id,
    plan_group_id,
    plan_number,
    content_type,
    content_id,
    subject_group,
    subject,
    plan_date,
    case known_status when 'canceled' then 'cancelled' else known_status end as plan_status,
    case when {{ has_happened('completed_at') }} then completed_at end as completed_at,
    case
        when completed_at is null then known_status = 'completed'
        else {{ has_happened('completed_at') }}
    end as is_completed,
    estimated_minutes,
    carryover_count,
    is_adhoc,
    -- A clock that runs backwards says nothing about the time studied; unknown is not zero.
    case when {{ has_happened('completed_at') }} and net_seconds >= 0 then net_seconds end as net_seconds
from plans
