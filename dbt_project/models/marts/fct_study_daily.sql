-- Grain: student × day in Seoul on which something was planned, a session began or something was timed.
with plans as (
    select
        student_id,
        plan_date as study_date,
        count(*) filter (where counts_for_completion) as planned_count,
        count(*) filter (where counts_for_completion and is_completed) as done_count,
        count(*) filter (where counts_for_completion and carryover_count > 0) as carried_over_count
    from {{ ref('int_plan__items') }}
    group by student_id, plan_date
),

sessions as (
    select
        student_id,
        session_date as study_date,
        count(*) as session_count
    from {{ ref('int_study__sessions') }}
    group by student_id, session_date
),

spells as (
    select
        student_id,
        study_date,
        sum(net_seconds) as net_seconds,
        max(net_seconds) as longest_spell_seconds
    from {{ ref('int_study__spells') }}
    group by student_id, study_date
)

select
    student.tenant_id,
    student_id,
    study_date,
    coalesce(plans.planned_count, 0)::integer as planned_count,
    coalesce(plans.done_count, 0)::integer as done_count,
    coalesce(plans.carried_over_count, 0)::integer as carried_over_count,
    coalesce(sessions.session_count, 0)::integer as session_count,
    spells.net_seconds::integer as net_seconds,
    spells.longest_spell_seconds
from plans
full join sessions using (student_id, study_date)
full join spells using (student_id, study_date)
inner join {{ ref('stg_app__students') }} as student using (student_id)
