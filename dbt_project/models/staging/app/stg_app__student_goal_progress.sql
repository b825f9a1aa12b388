-- Amounts done towards a goal, in the goal's own units.
select
    id as goal_progress_id,
    goal_id,
    student_id,
    progress_amount,
    created_at as recorded_at
from {{ app_table('student_goal_progress') }}
where {{ is_known('created_at') }}
