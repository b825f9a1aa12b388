select
    id as content_id,
    tenant_id,
    title,
    subject_group_id,
    subject_id,
    {{ normalised('subject_category') }} as subject_group_text,
    {{ normalised('subject') }} as subject_text,
    difficulty_level_id,
    {{ difficulty_rank('difficulty_level') }} as difficulty_level,
    curriculum_revision_id,
    {{ revision_year('revision') }} as curriculum_revision_year,
    case when upper(school_type) in ('MIDDLE', 'HIGH') then upper(school_type) end as school_type,
    grade_min as school_year_min,
    grade_max as school_year_max,
    series_name,
    total_pages as total_units,
    is_active or not {{ is_known('updated_at') }} as is_active
from {{ source('app', 'master_books') }}
where {{ is_known('created_at') }}
