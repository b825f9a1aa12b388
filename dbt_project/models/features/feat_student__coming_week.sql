{{ config(pre_hook=['set local enable_nestloop = off', 'set local enable_mergejoin = off']) }}
-- Joined by hash and nothing else, as int_plan__items is.
-- What stands in a student's plan for the seven days from the cut-off, by the same rules as what has been planned: both
-- layers, each logical plan once, neither cancelled work nor self-study. What was carried in from before the cut-off is
-- not in it: nobody knows when it was moved, so that an earlier cut-off would learn from it what was left undone.
{%- set last_day %}{{ as_of_date() }} + 6{% endset %}
with tasks as (
    select
        event.event_id as plan_id,
        event.event_id,
        event.student_id,
        event.plan_group_id,
        event.event_date as plan_date
    from {{ ref('stg_app__calendar_events') }} as event
    where
        event.is_upcoming and event.rrule is null and event.event_date <= {{ last_day }}
        and event.event_status is distinct from 'cancelled'
    union all
    select
        md5(event.event_id::text || occurrence.occurrence_date::text)::uuid,
        event.event_id,
        event.student_id,
        event.plan_group_id,
        occurrence.occurrence_date
    from {{ ref('int_plan__occurrences') }} as occurrence
    inner join {{ ref('stg_app__calendar_events') }} as event on occurrence.event_id = event.event_id
    where occurrence.occurrence_date >= {{ as_of_date() }} and event.event_status is distinct from 'cancelled'
),

blocks as (
    select
        plan_id,
        student_id,
        plan_group_id,
        plan_number,
        plan_date,
        content_id,
        estimated_minutes
    from {{ ref('stg_app__student_plan') }}
    where
        is_upcoming and plan_date <= {{ last_day }}
        and plan_status is distinct from 'cancelled'
        and coalesce(carryover_from_date >= {{ as_of_date() }}, true)
    union all
    select
        task.plan_id,
        task.student_id,
        task.plan_group_id,
        null,
        task.plan_date,
        study.content_id,
        study.estimated_minutes
    from tasks as task
    inner join {{ ref('stg_app__event_study_data') }} as study on task.event_id = study.event_id
    left join {{ ref('stg_app__student_plan') }} as twin on task.event_id = twin.plan_id
    where twin.plan_id is null and study.content_id is distinct from {{ unscheduled_content() }}
),

items as (
    select
        student_id,
        sum(estimated_minutes) as estimated_minutes
    from blocks
    where content_id is distinct from {{ self_study_content() }}
    group by
        student_id,
        plan_group_id,
        plan_number,
        plan_date,
        -- A plan with a number in a group is one thing a day, any other is one by itself.
        case when plan_number is null or plan_group_id is null then plan_id end
),

weeks as (
    select
        student_id,
        count(*) as planned_count,
        count(estimated_minutes) as estimated_count,
        sum(estimated_minutes) as planned_minutes
    from items
    group by student_id
)

select
    student.student_id,
    coalesce(weeks.planned_count, 0)::integer as planned_count,
    coalesce(weeks.estimated_count, 0)::integer as estimated_count,
    case when weeks.student_id is null then 0 else weeks.planned_minutes end::integer as planned_minutes
from {{ ref('stg_app__students') }} as student
left join weeks on student.student_id = weeks.student_id
