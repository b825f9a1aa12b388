-- Grain: student × day in Seoul on which something was planned or timed.
with plans as (
    select
        student_id,
        plan_date as study_date,
        count(*) filter (where counts_for_completion) as planned_count,
        count(*) filter (where counts_for_completion and is_completed) as done_count,
        -- Only what was timed: a checkbox completion has no minutes, which is not zero minutes.
        sum(net_seconds) as plan_net_seconds
    from {{ ref('int_plan__items') }}
    group by 1, 2
),

sessions as (
    select
        student_id,
        session_date as study_date,
        count(*) as session_count,
        sum(net_seconds) as session_net_seconds
    from {{ ref('stg_app__student_study_sessions') }}
    group by 1, 2
)

select
    student.tenant_id,
    student_id,
    study_date,
    coalesce(plans.planned_count, 0)::integer as planned_count,
    coalesce(plans.done_count, 0)::integer as done_count,
    coalesce(sessions.session_count, 0)::integer as session_count,
    plans.plan_net_seconds::integer as plan_net_seconds,
    sessions.session_net_seconds::integer as session_net_seconds
from plans
full join sessions using (student_id, study_date)
inner join {{ ref('stg_app__students') }} as student using (student_id)
