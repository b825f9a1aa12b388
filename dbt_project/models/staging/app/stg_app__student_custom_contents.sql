-- A student's own contents. The table has no pointer to a master: `plan_contents` carries it where there is one.
select
    id as content_id,
    student_id,
    created_at
from {{ source('app', 'student_custom_contents') }}
where {{ is_known('created_at') }}
