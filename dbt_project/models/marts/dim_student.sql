-- No personal data: ids, school, activity.
select
    profile.student_id,
    profile.tenant_id,
    profile.school_type,
    profile.school_year_level,
    profile.curriculum_revision_year,
    profile.is_withdrawn,
    profile.is_synthetic,
    profile.planned_28d_count,
    profile.done_28d_count,
    profile.completion_28d_share,
    count(studying.student_id)::integer as studying_subject_count
from {{ ref('feat_student__profile') }} as profile
left join {{ ref('feat_student__subjects') }} as studying on profile.student_id = studying.student_id
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
