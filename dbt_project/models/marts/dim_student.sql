-- No personal data: ids, school, activity.
with studying as (
    select
        student_id,
        count(*) as subject_count
    from {{ ref('feat_student__subjects') }}
    group by student_id
)

select
    profile.student_id,
    profile.tenant_id,
    profile.school_type,
    profile.school_year_level,
    profile.curriculum_revision_year,
    profile.is_withdrawn,
    profile.is_synthetic,
    profile.known_since_date,
    activity.planned_28d_count,
    activity.done_28d_count,
    activity.completion_28d_share,
    activity.net_28d_seconds,
    activity.streak_days,
    activity.days_since_active,
    coalesce(studying.subject_count, 0)::integer as studying_subject_count
from {{ ref('feat_student__profile') }} as profile
inner join {{ ref('feat_student__activity') }} as activity on profile.student_id = activity.student_id
left join studying on profile.student_id = studying.student_id
