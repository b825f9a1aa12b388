-- How a student liked a plan, from 1 to 5.
select
    id as rating_id,
    plan_id,
    student_id,
    rating,
    created_at as recorded_at
from {{ app_table('plan_satisfaction_ratings') }}
where {{ is_known('created_at') }}
