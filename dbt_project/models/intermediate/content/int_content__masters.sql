-- Every master content once, whatever its kind, with its subject under one name across curriculum revisions. Titles are
-- those of published books and lectures; what an academy calls a content of its own is free text and not read.
with masters as (
    select
        'book' as content_type, content_id, tenant_id, title, subject_group_id, subject_id, subject_group_text,
        subject_text, difficulty_level_id, difficulty_level, curriculum_revision_id, curriculum_revision_year,
        school_type, school_year_min, school_year_max, series_name, total_units, is_active
    from {{ ref('stg_app__master_books') }}
    union all
    select
        'lecture', content_id, tenant_id, title, subject_group_id, subject_id, subject_group_text,
        subject_text, difficulty_level_id, difficulty_level, curriculum_revision_id, curriculum_revision_year, null,
        null, null, null, total_units, is_active
    from {{ ref('stg_app__master_lectures') }}
    union all
    select
        'custom', content_id, tenant_id, null, subject_group_id, subject_id, subject_group_text,
        subject_text, difficulty_level_id, difficulty_level, curriculum_revision_id, curriculum_revision_year, null,
        null, null, null, total_units, true
    from {{ ref('stg_app__master_custom_contents') }}
)

select
    masters.content_id,
    masters.content_type,
    masters.tenant_id,
    -- The subject's own group wins over the content's: a subject belongs to exactly one. Free text comes last.
    coalesce(
        group_of_subject.subject_group, subject_groups.subject_group, group_by_text.subject_group,
        group_by_subject_text.subject_group
    ) as subject_group,
    masters.subject_id,
    coalesce(subjects.subject, masters.subject_text) as subject,
    coalesce(levels.difficulty_level, masters.difficulty_level) as difficulty_level,
    difficulty.difficulty_score,
    coalesce(revisions.curriculum_revision_year, masters.curriculum_revision_year) as curriculum_revision_year,
    masters.school_type,
    masters.school_year_min,
    masters.school_year_max,
    masters.series_name,
    {{ title_stem('masters.title') }} as title_stem,
    {{ volume_number('masters.title') }} as volume_number,
    masters.total_units,
    masters.is_active
from masters
left join {{ ref('stg_app__subjects') }} as subjects on masters.subject_id = subjects.subject_id
left join {{ ref('int_subject__groups') }} as group_of_subject
    on subjects.subject_group_id = group_of_subject.subject_group_id
left join {{ ref('int_subject__groups') }} as subject_groups
    on masters.subject_group_id = subject_groups.subject_group_id
left join {{ ref('int_subject__names') }} as group_by_text
    on {{ without_spaces('masters.subject_group_text') }} = group_by_text.name
left join {{ ref('int_subject__names') }} as group_by_subject_text
    on {{ without_spaces('masters.subject_text') }} = group_by_subject_text.name
left join {{ ref('stg_app__difficulty_levels') }} as levels on masters.difficulty_level_id = levels.difficulty_level_id
left join {{ ref('stg_app__content_difficulty_analysis') }} as difficulty on masters.content_id = difficulty.content_id
left join {{ ref('stg_app__curriculum_revisions') }} as revisions
    on masters.curriculum_revision_id = revisions.curriculum_revision_id
