{{ config(
    materialized='table',
    pre_hook=['set local enable_nestloop = off', 'set local enable_mergejoin = off'],
) }}
-- Joined by hash and nothing else: whole tables meet, and Postgres guesses far too few rows of staging's conditions.
-- One row per thing a student set out to do: both plan layers, each logical plan once.
-- A plan and its calendar twin share their id; the twin's `done` decides. A plan split over blocks (same plan_number in
-- its group on one day) is one item, done when all its blocks are that were not cancelled. A recurring task is one item
-- a day; its own `done` is that of its first day, later days are done as events of their own.
with tasks as materialized (
    select
        event.event_id as plan_id,
        event.event_id,
        event.student_id,
        event.tenant_id,
        event.plan_group_id,
        event.event_date as plan_date,
        event.event_status,
        study.content_type,
        study.content_id,
        study.master_content_id,
        study.subject_group_text,
        study.subject_text,
        study.planned_units,
        study.is_completed,
        study.completed_at,
        study.estimated_minutes,
        study.net_seconds,
        event.known_date,
        false as is_recurring,
        1 as event_row_count
    from {{ ref('stg_app__calendar_events') }} as event
    inner join {{ ref('stg_app__event_study_data') }} as study on event.event_id = study.event_id
    where event.left_out_reason is null and event.rrule is null
),

recurring_tasks as not materialized (
    select
        -- A day of its own needs an id of its own, the same on every run.
        case
            when occurrence.occurrence_number = 1 then event.event_id
            else md5(event.event_id::text || occurrence.occurrence_date::text)::uuid
        end as plan_id,
        event.event_id,
        event.student_id,
        event.tenant_id,
        event.plan_group_id,
        occurrence.occurrence_date as plan_date,
        event.event_status,
        study.content_type,
        study.content_id,
        study.master_content_id,
        study.subject_group_text,
        study.subject_text,
        study.planned_units,
        study.is_completed and occurrence.occurrence_number = 1 as is_completed,
        case when occurrence.occurrence_number = 1 then study.completed_at end as completed_at,
        study.estimated_minutes,
        case when occurrence.occurrence_number = 1 then study.net_seconds end as net_seconds,
        event.known_date,
        true as is_recurring,
        occurrence.is_first::integer as event_row_count
    from {{ ref('int_plan__occurrences') }} as occurrence
    inner join {{ ref('stg_app__calendar_events') }} as event on occurrence.event_id = event.event_id
    inner join {{ ref('stg_app__event_study_data') }} as study on occurrence.event_id = study.event_id
    where occurrence.occurrence_date < {{ as_of_date() }}
),

all_tasks as not materialized (
    select * from tasks
    union all
    select * from recurring_tasks
),

blocks as not materialized (
    select
        plan.plan_id,
        plan.student_id,
        plan.tenant_id,
        plan.plan_group_id,
        plan.plan_number,
        plan.plan_date,
        plan.plan_status,
        plan.content_type,
        plan.content_id,
        task.master_content_id,
        coalesce(plan.subject_group_text, task.subject_group_text) as subject_group_text,
        coalesce(plan.subject_text, task.subject_text) as subject_text,
        plan.planned_units,
        coalesce(task.is_completed, plan.is_completed) as is_completed,
        plan.started_at,
        coalesce(task.completed_at, plan.completed_at) as completed_at,
        plan.estimated_minutes,
        coalesce(plan.net_seconds, task.net_seconds) as net_seconds,
        least(plan.known_date, task.known_date) as known_date,
        plan.carryover_count,
        plan.carryover_from_date,
        plan.is_adhoc,
        plan.is_review,
        false as is_recurring,
        1 as plan_row_count,
        (task.plan_id is not null)::integer as event_row_count
    from {{ ref('stg_app__student_plan') }} as plan
    left join tasks as task on plan.plan_id = task.plan_id
    where plan.left_out_reason is null
    union all
    select
        task.plan_id,
        task.student_id,
        task.tenant_id,
        task.plan_group_id,
        null,
        task.plan_date,
        case when task.event_status = 'cancelled' then 'cancelled' else 'pending' end,
        task.content_type,
        task.content_id,
        task.master_content_id,
        task.subject_group_text,
        task.subject_text,
        task.planned_units,
        task.is_completed,
        null,
        task.completed_at,
        task.estimated_minutes,
        task.net_seconds,
        task.known_date,
        0,
        null,
        false,
        false,
        task.is_recurring,
        0,
        task.event_row_count
    from all_tasks as task
    -- Whatever became of the plan decides: a deleted or replaced plan must not come back as its twin.
    where not exists (select from {{ ref('stg_app__student_plan') }} as twin where twin.plan_id = task.event_id)
),

session_totals as (
    select
        plan_id,
        count(*) as session_count,
        count(net_seconds) as timed_session_count,
        sum(net_seconds) as net_seconds
    from {{ ref('int_study__sessions') }}
    where plan_id is not null
    group by plan_id
),

-- The plan's own clock covers its sessions; they speak where it was not used.
timed_blocks as materialized (
    select
        blocks.*,
        session_totals.net_seconds as session_seconds,
        coalesce(session_totals.session_count, 0) as session_count,
        coalesce(session_totals.timed_session_count, 0) as timed_session_count,
        blocks.plan_status = 'cancelled' and not blocks.is_completed as is_cancelled
    from blocks
    left join session_totals on blocks.plan_id = session_totals.plan_id
),

-- Few plans are split, and grouping all of them sorts every row: so the keys that occur twice come first.
split_keys as (
    select
        student_id,
        plan_group_id,
        plan_number,
        plan_date
    from {{ ref('stg_app__student_plan') }}
    where left_out_reason is null and plan_number is not null and plan_group_id is not null
    group by student_id, plan_group_id, plan_number, plan_date
    having count(*) > 1
),

items as (
    select
        min(block.plan_id::text)::uuid as plan_id,
        block.student_id,
        min(block.tenant_id::text)::uuid as tenant_id,
        block.plan_group_id,
        block.plan_date,
        case
            when bool_and(block.is_completed) filter (where not block.is_cancelled) then 'completed'
            when bool_and(block.is_cancelled) then 'cancelled'
            when bool_or(block.is_completed or block.plan_status = 'in_progress') then 'in_progress'
            when bool_or(block.plan_status in ('pending', 'completed')) then 'pending'
            else 'skipped'
        end as plan_status,
        min(block.content_type) as content_type,
        min(block.content_id::text)::uuid as content_id,
        min(block.master_content_id::text)::uuid as master_content_id,
        min(block.subject_group_text) as subject_group_text,
        min(block.subject_text) as subject_text,
        sum(block.planned_units)::integer as planned_units,
        coalesce(bool_and(block.is_completed) filter (where not block.is_cancelled), false) as is_completed,
        min(block.started_at) as started_at,
        max(block.completed_at) as completed_at,
        sum(block.estimated_minutes)::integer as estimated_minutes,
        sum(coalesce(block.net_seconds, block.session_seconds))::integer as net_seconds,
        sum(block.session_count)::integer as session_count,
        sum(block.timed_session_count)::integer as timed_session_count,
        min(block.known_date) as known_date,
        max(block.carryover_count) as carryover_count,
        min(block.carryover_from_date) as carryover_from_date,
        bool_and(block.is_adhoc) as is_adhoc,
        bool_and(block.is_review) as is_review,
        bool_and(block.is_recurring) as is_recurring,
        sum(block.plan_row_count)::integer as plan_row_count,
        sum(block.event_row_count)::integer as event_row_count
    from timed_blocks as block
    inner join split_keys using (student_id, plan_group_id, plan_number, plan_date)
    group by block.student_id, block.plan_group_id, block.plan_number, block.plan_date
    union all
    select
        block.plan_id,
        block.student_id,
        block.tenant_id,
        block.plan_group_id,
        block.plan_date,
        block.plan_status,
        block.content_type,
        block.content_id,
        block.master_content_id,
        block.subject_group_text,
        block.subject_text,
        block.planned_units,
        block.is_completed,
        block.started_at,
        block.completed_at,
        block.estimated_minutes,
        coalesce(block.net_seconds, block.session_seconds)::integer,
        block.session_count::integer,
        block.timed_session_count::integer,
        block.known_date,
        block.carryover_count,
        block.carryover_from_date,
        block.is_adhoc,
        block.is_review,
        block.is_recurring,
        block.plan_row_count,
        block.event_row_count
    from timed_blocks as block
    left join split_keys using (student_id, plan_group_id, plan_number, plan_date)
    where split_keys.student_id is null
)

select
    items.plan_id,
    items.student_id,
    items.tenant_id,
    items.plan_group_id,
    items.plan_date,
    items.content_type,
    items.content_id as copy_id,
    master.content_id,
    -- The catalogue knows the subject better than what was typed into the plan.
    coalesce(master.subject_group, group_by_text.subject_group, group_by_subject.subject_group) as subject_group,
    -- What was typed passes only where it is a known spelling: a free text could hold anything.
    coalesce(master.subject, case when group_by_subject.name is not null then items.subject_text end) as subject,
    -- The rule of completion decides over the status that was entered.
    case
        when items.is_completed then 'completed'
        when items.plan_status = 'completed' then 'pending'
        else items.plan_status
    end as plan_status,
    items.is_completed,
    items.started_at,
    items.completed_at,
    case when items.is_completed then coalesce({{ kst_date('items.completed_at') }}, items.plan_date) end
        as completed_date,
    items.estimated_minutes,
    items.net_seconds,
    items.session_count,
    items.timed_session_count,
    items.planned_units,
    items.known_date,
    items.carryover_count,
    items.carryover_from_date,
    items.is_adhoc,
    coalesce(items.is_review, false) as is_review,
    items.is_recurring,
    -- Self-study counts as time, cancelled work as neither kept nor broken promise.
    (
        items.content_id is distinct from {{ self_study_content() }}
        and (items.plan_status <> 'cancelled' or items.is_completed)
    ) as counts_for_completion,
    items.plan_row_count,
    items.event_row_count
from items
inner join {{ ref('stg_app__students') }} as student on items.student_id = student.student_id
left join {{ ref('int_content__copies') }} as copy on items.content_id = copy.content_id
left join {{ ref('int_content__masters') }} as master
    on coalesce(copy.master_content_id, items.master_content_id, items.content_id) = master.content_id
left join {{ ref('int_subject__names') }} as group_by_text
    on {{ without_spaces('items.subject_group_text') }} = group_by_text.name
left join {{ ref('int_subject__names') }} as group_by_subject
    on {{ without_spaces('items.subject_text') }} = group_by_subject.name
where items.content_id is distinct from {{ unscheduled_content() }}
