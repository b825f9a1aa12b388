-- How far a student is in a content, by the app's own count; `progress` is a share or an amount by turns and not read.
select
    id as content_progress_id,
    student_id,
    plan_id,
    content_type,
    content_id,
    completed_amount,
    last_updated as recorded_at
from {{ app_table('student_content_progress') }}
where {{ is_known('last_updated') }}
