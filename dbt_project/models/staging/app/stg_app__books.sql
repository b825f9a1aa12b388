-- Student copies: what plans point at.
select
    id as content_id,
    student_id,
    master_content_id,
    created_at
from {{ source('app', 'books') }}
where {{ is_known('created_at') }}
