-- Attendance by day; a status set by an edit after the cut-off is not known yet.
select
    id as attendance_id,
    student_id,
    attendance_date,
    case when {{ is_known('updated_at') }} then status end as status
from {{ app_table('attendance_records') }}
where {{ is_known('created_at') }} and attendance_date < {{ as_of_date() }}
