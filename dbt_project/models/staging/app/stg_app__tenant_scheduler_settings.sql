-- An academy's defaults for schedules.
select
    tenant_id,
    default_study_days,
    default_review_days,
    default_weak_subject_focus,
    default_study_hours,
    default_self_study_hours,
    default_lunch_time
from {{ app_table('tenant_scheduler_settings') }}
where {{ is_known('coalesce(updated_at, created_at)') }}
