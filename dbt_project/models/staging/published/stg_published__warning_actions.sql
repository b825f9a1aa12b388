select
    id as action_id,
    warning_id,
    student_id,
    tenant_id,
    warning_type,
    subject,
    detected_date,
    action_type,
    action_at,
    {{ kst_date('action_at') }} as action_date
from {{ app_table('warning_actions', 'published') }}
where {{ has_happened('action_at') }}
