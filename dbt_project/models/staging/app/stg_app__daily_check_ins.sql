select
    id as check_in_id,
    student_id,
    check_date
from {{ app_table('daily_check_ins') }}
where {{ is_known('created_at') }} and {{ has_happened('checked_at') }} and check_date < {{ as_of_date() }}
