-- Plans as they stood at the cut-off, all rows of the table; `left_out_reason` is null for those that count, and
-- `is_upcoming` is true for those that will, once their day has come.
-- What an edit after the cut-off overwrote cannot be read back: a deletion, a replacement or a status that was set
-- after it has not happened yet, and a plan is pending until shown otherwise.
with plans as (
    select
        id, student_id, tenant_id, plan_group_id, plan_number, content_type, content_id, content_subject_category,
        content_subject, plan_date, date_type, planned_start_page_or_time, planned_end_page_or_time, status,
        actual_start_time, started_at, actual_end_time, completed_at, estimated_minutes, actual_minutes,
        total_duration_seconds, paused_duration_seconds, carryover_count, carryover_from_date, is_adhoc, is_active,
        is_virtual, created_at, updated_at, deleted_at,
        case when {{ is_known('updated_at') }} then status else 'pending' end as known_status,
        coalesce(actual_end_time, completed_at) as ended_at,
        case
            when {{ has_happened('deleted_at') }} then 'deleted'
            when is_active is false and {{ is_known('updated_at') }} then 'replaced_by_a_later_version'
            when is_virtual then 'placeholder'
            when content_id = {{ unscheduled_content() }} then 'not_study'
        end as fault,
        case
            when total_duration_seconds is not null
                then total_duration_seconds::bigint - coalesce(paused_duration_seconds, 0)
            else actual_minutes * 60::bigint
        end as clock_seconds
    from {{ source('app', 'student_plan') }}
)

select
    id as plan_id,
    student_id,
    tenant_id,
    plan_group_id,
    plan_number,
    content_type,
    content_id,
    {{ normalised('content_subject_category') }} as subject_group_text,
    {{ normalised('content_subject') }} as subject_text,
    plan_date,
    date_type = 'review' as is_review,
    {{ units_between('planned_start_page_or_time', 'planned_end_page_or_time') }} as planned_units,
    case known_status when 'canceled' then 'cancelled' else known_status end as plan_status,
    case
        when {{ has_happened('coalesce(actual_start_time, started_at)') }} then coalesce(actual_start_time, started_at)
    end as started_at,
    case when {{ has_happened('ended_at') }} then ended_at end as completed_at,
    case
        when ended_at is null then known_status = 'completed'
        else {{ has_happened('ended_at') }}
    end as is_completed,
    estimated_minutes,
    coalesce(carryover_count, 0) as carryover_count,
    carryover_from_date,
    coalesce(is_adhoc, false) as is_adhoc,
    -- A clock that runs backwards, or was forgotten overnight, says nothing about the time studied: unknown, not zero.
    case
        when {{ has_happened('ended_at') }} and clock_seconds between 0 and {{ var('longest_session_hours') }} * 3600
            then clock_seconds::integer
    end as net_seconds,
    {{ kst_date('created_at') }} as known_date,
    case
        when not {{ is_known('created_at') }} then 'recorded_after_cutoff'
        when plan_date >= {{ as_of_date() }} then 'dated_after_cutoff'
        else fault
    end as left_out_reason,
    {{ is_known('created_at') }} and plan_date >= {{ as_of_date() }} and fault is null as is_upcoming
from plans
