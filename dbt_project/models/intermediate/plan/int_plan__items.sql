-- One row per thing a student set out to do: both plan layers, each logical plan once.
-- A plan and its calendar twin share their id; the twin's `done` decides. A plan split over blocks (same
-- plan_number in its group on one day) is one item, done when all its blocks are.
{%- set unscheduled = "'00000000-0000-0000-0000-000000000000'" %}
{%- set self_study = "'00000000-0000-0000-0000-000000000001'" %}
with tasks as not materialized (
    select
        event.event_id as plan_id,
        event.student_id,
        event.tenant_id,
        event.plan_group_id,
        event.event_date as plan_date,
        event.event_status,
        study.content_id,
        study.master_content_id,
        study.subject_group,
        study.subject,
        study.is_completed,
        study.completed_at,
        study.estimated_minutes,
        study.net_seconds
    from {{ ref('stg_app__calendar_events') }} as event
    inner join {{ ref('stg_app__event_study_data') }} as study on event.event_id = study.event_id
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
        plan.content_id,
        task.master_content_id,
        coalesce(plan.subject_group, task.subject_group) as subject_group,
        coalesce(plan.subject, task.subject) as subject,
        coalesce(task.is_completed, plan.is_completed) as is_completed,
        coalesce(task.completed_at, plan.completed_at) as completed_at,
        plan.estimated_minutes,
        coalesce(plan.net_seconds, task.net_seconds) as net_seconds,
        plan.carryover_count,
        plan.is_adhoc
    from {{ ref('stg_app__student_plan') }} as plan
    left join tasks as task on plan.plan_id = task.plan_id
    union all
    select
        task.plan_id,
        task.student_id,
        task.tenant_id,
        task.plan_group_id,
        null,
        task.plan_date,
        case when task.event_status = 'cancelled' then 'cancelled' else 'pending' end,
        task.content_id,
        task.master_content_id,
        task.subject_group,
        task.subject,
        task.is_completed,
        task.completed_at,
        task.estimated_minutes,
        task.net_seconds,
        0,
        false
    from tasks as task
    -- Against the app's table, not the staging model: a deleted or replaced plan must not come back as its twin.
    where not exists (select from {{ source('app', 'student_plan') }} as twin where twin.id = task.plan_id)
),

split_plans as (
    select
        min(plan_id::text)::uuid as plan_id,
        student_id,
        min(tenant_id::text)::uuid as tenant_id,
        plan_group_id,
        plan_date,
        min(plan_status) as plan_status,
        min(content_id::text)::uuid as content_id,
        min(master_content_id::text)::uuid as master_content_id,
        min(subject_group) as subject_group,
        min(subject) as subject,
        bool_and(is_completed) as is_completed,
        max(completed_at) as completed_at,
        sum(estimated_minutes)::integer as estimated_minutes,
        sum(net_seconds)::integer as net_seconds,
        max(carryover_count) as carryover_count,
        bool_and(is_adhoc) as is_adhoc
    from blocks
    where plan_number is not null and plan_group_id is not null
    group by student_id, plan_group_id, plan_number, plan_date
),

items as (
    select * from split_plans
    union all
    select
        plan_id, student_id, tenant_id, plan_group_id, plan_date, plan_status, content_id, master_content_id,
        subject_group, subject, is_completed, completed_at, estimated_minutes, net_seconds, carryover_count, is_adhoc
    from blocks
    where plan_number is null or plan_group_id is null
)

select
    plan_id,
    student_id,
    tenant_id,
    plan_group_id,
    plan_date,
    plan_status,
    content_id,
    master_content_id,
    subject_group,
    subject,
    is_completed,
    case when is_completed then coalesce({{ kst_date('completed_at') }}, plan_date) end as completed_date,
    estimated_minutes,
    net_seconds,
    carryover_count,
    is_adhoc,
    -- Self-study counts as time, cancelled work as neither kept nor broken promise.
    (content_id is distinct from {{ self_study }}::uuid and (plan_status <> 'cancelled' or is_completed))
        as counts_for_completion
from items
where content_id is distinct from {{ unscheduled }}::uuid
