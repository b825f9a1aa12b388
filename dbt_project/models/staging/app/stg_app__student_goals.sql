select
    id as goal_id,
    student_id,
    goal_type,
    content_id,
    {{ normalised('subject') }} as subject_text,
    expected_amount,
    start_date,
    end_date
from {{ app_table('student_goals') }}
where {{ is_known('created_at') }} and start_date < {{ as_of_date() }}
