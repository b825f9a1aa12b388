select
    subject.id as subject_id,
    subject.subject_group_id,
    {{ normalised('subject.name') }} as subject,
    -- Subjects that the school records without a 등급, by curriculum.
    subject.grade_excluded or coalesce(kind.is_achievement_only, false) as is_without_rank_grade
from {{ source('app', 'subjects') }} as subject
left join {{ ref('stg_app__subject_types') }} as kind on subject.subject_type_id = kind.subject_type_id
