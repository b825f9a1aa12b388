with recent as (
    select
        student_id,
        count(*) filter (where counts_for_completion) as planned_count,
        count(*) filter (where counts_for_completion and is_completed) as done_count,
        sum(net_seconds) as net_seconds
    from {{ ref('int_plan__items') }}
    where plan_date >= {{ as_of_date() }} - {{ var('activity_window_days') }}
    group by student_id
)

select
    student.student_id,
    student.tenant_id,
    student.school_type,
    student.school_year_level::smallint as school_year_level,
    student.curriculum_revision_year::smallint as curriculum_revision_year,
    student.withdrawn_at is not null as is_withdrawn,
    student.is_synthetic,
    coalesce(recent.planned_count, 0)::integer as planned_28d_count,
    coalesce(recent.done_count, 0)::integer as done_28d_count,
    (recent.done_count::double precision / nullif(recent.planned_count, 0)) as completion_28d_share,
    recent.net_seconds::integer as net_28d_seconds
from {{ ref('stg_app__students') }} as student
left join recent on student.student_id = recent.student_id
