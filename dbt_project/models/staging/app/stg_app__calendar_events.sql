-- Study tasks of the calendar layer. Recurring parents and non-study blocks are not tasks.
select
    id as event_id,
    student_id,
    tenant_id,
    plan_group_id,
    coalesce(start_date, {{ kst_date('start_at') }}) as event_date,
    case when {{ is_known('updated_at') }} then status else 'confirmed' end as event_status,
    updated_at
from {{ source('app', 'calendar_events') }}
where
    is_task
    and not is_exclusion
    and coalesce(start_date, {{ kst_date('start_at') }}) < {{ as_of_date() }}
    and {{ is_known('created_at') }}
    and not {{ has_happened('deleted_at') }}
