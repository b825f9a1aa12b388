select
    student_id,
    content_id,
    tenant_id,
    content_type,
    subject_group,
    rank,
    score,
    reason_codes,
    source,
    model_version,
    shown_at
from {{ app_table('first_shown', 'serving') }}
where {{ has_happened('shown_at') }}
