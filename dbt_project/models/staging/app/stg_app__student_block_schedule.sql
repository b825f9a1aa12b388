-- Weekly windows for study, in Seoul's time; weekday 0 is Sunday.
select
    id as block_id,
    block_set_id,
    student_id,
    day_of_week as weekday,
    start_time,
    end_time
from {{ app_table('student_block_schedule') }}
where {{ is_known('created_at') }}
