select
    id as content_id,
    tenant_id,
    subject_group_id,
    subject_id,
    {{ normalised('subject_category') }} as subject_group_text,
    {{ normalised('subject') }} as subject_text,
    difficulty_level_id,
    {{ difficulty_rank('difficulty_level') }} as difficulty_level,
    curriculum_revision_id,
    {{ revision_year('revision') }} as curriculum_revision_year,
    total_page_or_time as total_units
from {{ app_table('master_custom_contents') }}
where {{ is_known('created_at') }}
