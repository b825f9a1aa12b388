-- What a student is heading for: open goals and plan groups, how far along, and the days left.
with progress as (
    select
        goal_id,
        sum(progress_amount) as progress_amount
    from {{ ref('stg_app__student_goal_progress') }}
    group by goal_id
),

goals as (
    select
        goal.student_id,
        count(*) filter (where goal.end_date >= {{ as_of_date() }}) as open_goal_count,
        count(*) filter (where goal.end_date < {{ as_of_date() }}) as ended_goal_count,
        min(goal.end_date) filter (where goal.end_date >= {{ as_of_date() }}) as next_goal_end_date,
        -- An open goal without an amount to reach has no progress that could be measured.
        avg(
            least(1, greatest(0, coalesce(progress.progress_amount, 0)::double precision / goal.expected_amount))
        ) filter (
            where goal.end_date >= {{ as_of_date() }} and goal.expected_amount > 0
        ) as mean_open_progress_share
    from {{ ref('stg_app__student_goals') }} as goal
    left join progress on goal.goal_id = progress.goal_id
    group by goal.student_id
),

plan_groups as (
    select
        student_id,
        count(*) as open_plan_group_count,
        min(target_date) filter (where target_date >= {{ as_of_date() }}) as next_target_date
    from {{ ref('stg_app__plan_groups') }}
    where plan_group_status in ('active', 'paused') and period_end_date >= {{ as_of_date() }}
    group by student_id
)

select
    student.student_id,
    coalesce(goals.open_goal_count, 0)::integer as open_goal_count,
    coalesce(goals.ended_goal_count, 0)::integer as ended_goal_count,
    goals.next_goal_end_date,
    goals.next_goal_end_date - {{ as_of_date() }} as next_goal_days_left,
    goals.mean_open_progress_share,
    coalesce(plan_groups.open_plan_group_count, 0)::integer as open_plan_group_count,
    plan_groups.next_target_date,
    plan_groups.next_target_date - {{ as_of_date() }} as next_target_days_left
from {{ ref('stg_app__students') }} as student
left join goals on student.student_id = goals.student_id
left join plan_groups on student.student_id = plan_groups.student_id
