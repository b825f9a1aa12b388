-- What the app logged of a student, by kind. Details repeat what other tables say, and are not read.
select
    id as history_id,
    student_id,
    event_type,
    created_at as recorded_at
from {{ app_table('student_history') }}
where {{ is_known('created_at') }}
