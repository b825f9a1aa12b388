select
    student_id,
    content_id,
    shelved_date,
    first_planned_date,
    last_planned_date,
    first_done_date,
    last_done_date,
    planned_count::integer as planned_count,
    done_count::integer as done_count,
    net_seconds::integer as net_seconds
from {{ ref('int_plan__student_contents') }}
