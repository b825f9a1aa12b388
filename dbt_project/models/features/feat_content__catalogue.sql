with usage as (
    select
        content_id,
        count(*) as student_count,
        count(*) filter (where done_count > 0) as done_student_count,
        sum(planned_count) as planned_count,
        sum(done_count) as done_count
    from {{ ref('feat_student_content__interactions') }}
    group by content_id
)

select
    master.content_id,
    master.content_type,
    master.tenant_id,
    master.subject_group,
    master.subject_id,
    master.subject,
    master.difficulty_level::smallint as difficulty_level,
    master.difficulty_score,
    master.curriculum_revision_year::smallint as curriculum_revision_year,
    master.school_type,
    master.school_year_min::smallint as school_year_min,
    master.school_year_max::smallint as school_year_max,
    master.series_name,
    master.title_stem,
    master.volume_number::smallint as volume_number,
    master.total_units,
    master.is_active,
    coalesce(usage.student_count, 0)::integer as student_count,
    coalesce(usage.done_student_count, 0)::integer as done_student_count,
    coalesce(usage.planned_count, 0)::integer as planned_count,
    coalesce(usage.done_count, 0)::integer as done_count
from {{ ref('int_content__masters') }} as master
left join usage on master.content_id = usage.content_id
