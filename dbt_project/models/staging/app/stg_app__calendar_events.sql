-- The calendar layer, all rows of the table; `left_out_reason` is null for study tasks that count, and `is_upcoming` is
-- true for those that will, once their day has come. A recurring parent is one row here and is expanded in
-- int_plan__occurrences.
with events as (
    select
        id, student_id, tenant_id, plan_group_id, start_at, status, is_task, is_exclusion, rrule, exdates,
        recurring_event_id, original_start_at, created_at, updated_at, deleted_at,
        coalesce(start_date, {{ kst_date('start_at') }}) as event_date
    from {{ source('app', 'calendar_events') }}
)

select
    id as event_id,
    student_id,
    tenant_id,
    plan_group_id,
    event_date,
    (start_at at time zone 'Asia/Seoul')::time as event_time,
    case when {{ is_known('updated_at') }} then status else 'confirmed' end as event_status,
    rrule,
    exdates,
    recurring_event_id,
    {{ kst_date('original_start_at') }} as original_date,
    updated_at,
    {{ kst_date('created_at') }} as known_date,
    case
        when not {{ is_known('created_at') }} then 'recorded_after_cutoff'
        when not is_task or is_exclusion then 'not_a_study_task'
        when event_date >= {{ as_of_date() }} then 'dated_after_cutoff'
        when {{ has_happened('deleted_at') }} then 'deleted'
    end as left_out_reason,
    (
        {{ is_known('created_at') }}
        and is_task and not is_exclusion
        and event_date >= {{ as_of_date() }}
        and not {{ has_happened('deleted_at') }}
    ) as is_upcoming
from events
