select
    id as goal_id,
    student_id,
    goal_type,
    {{ normalised('subject') }} as subject_text,
    start_date,
    end_date
from {{ source('app', 'student_goals') }}
where {{ is_known('created_at') }} and start_date < {{ as_of_date() }}
