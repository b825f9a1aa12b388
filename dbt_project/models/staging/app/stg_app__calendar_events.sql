-- The calendar layer, all rows of the table; `left_out_reason` is null for study tasks that count. A recurring parent
-- is one row here and is expanded in int_plan__occurrences.
select
    id as event_id,
    student_id,
    tenant_id,
    plan_group_id,
    coalesce(start_date, {{ kst_date('start_at') }}) as event_date,
    (start_at at time zone 'Asia/Seoul')::time as event_time,
    case when {{ is_known('updated_at') }} then status else 'confirmed' end as event_status,
    rrule,
    exdates,
    recurring_event_id,
    {{ kst_date('original_start_at') }} as original_date,
    updated_at,
    case
        when not {{ is_known('created_at') }} then 'recorded_after_cutoff'
        when not is_task or is_exclusion then 'not_a_study_task'
        when coalesce(start_date, {{ kst_date('start_at') }}) >= {{ as_of_date() }} then 'dated_after_cutoff'
        when {{ has_happened('deleted_at') }} then 'deleted'
    end as left_out_reason
from {{ source('app', 'calendar_events') }}
