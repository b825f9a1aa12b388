-- Student copies; `master_content_id` is the older pointer to the same master.
select
    id as content_id,
    student_id,
    coalesce(master_lecture_id, master_content_id) as master_content_id,
    created_at
from {{ source('app', 'lectures') }}
where {{ is_known('created_at') }}
