-- Every plan group that a student was given by the cut-off, and the day on which it was to end. A draft is none yet.
-- Cancelling moves the end of a group to that day and leaves its target: until then it ran to the later of the two.
select
    plan_group.student_id,
    plan_group.plan_group_id,
    plan_group.period_start_date as start_date,
    case
        when plan_group.cancelled_date is not null then greatest(plan_group.period_end_date, plan_group.target_date)
        else plan_group.period_end_date
    end as end_date,
    plan_group.cancelled_date
from {{ ref('stg_app__plan_groups') }} as plan_group
inner join {{ ref('stg_app__students') }} as student on plan_group.student_id = student.student_id
where plan_group.plan_group_status <> 'draft'
