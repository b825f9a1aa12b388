-- Which course a student is in at the cut-off, in each subject group that is studied now or has a score: the subject
-- begun last, else that of the latest score, and the day on which its course began. What is no course with a start runs
-- by school year.
with subjects as (
    select
        subject.subject_id,
        groups.subject_group,
        {{ without_spaces('subject.subject') }} as name,
        revision.curriculum_revision_year
    from {{ ref('stg_app__subjects') }} as subject
    inner join {{ ref('int_subject__groups') }} as groups on subject.subject_group_id = groups.subject_group_id
    inner join {{ ref('stg_app__subject_groups') }} as app on subject.subject_group_id = app.subject_group_id
    left join {{ ref('stg_app__curriculum_revisions') }} as revision
        on app.curriculum_revision_id = revision.curriculum_revision_id
),

studied as (
    select distinct on (studying.student_id, studying.subject_group)
        studying.student_id,
        studying.subject_group,
        subjects.subject_id
    from {{ ref('feat_student__subjects') }} as studying
    inner join {{ ref('stg_app__students') }} as student on studying.student_id = student.student_id
    left join subjects
        on studying.subject_group = subjects.subject_group and {{ without_spaces('studying.subject') }} = subjects.name
    order by
        studying.student_id asc,
        studying.subject_group asc,
        studying.since_date desc nulls last,
        studying.subject asc,
        -- A subject has a row in every curriculum: the student's own comes first.
        (subjects.curriculum_revision_year = student.curriculum_revision_year) desc nulls last,
        subjects.subject_id asc
),

scored as (
    select distinct on (student_id, subject_group)
        student_id,
        subject_group,
        subject_id
    from {{ ref('feat_student_exam__scores') }}
    order by student_id asc, subject_group asc, exam_date desc, known_date desc, score_id asc
),

attended as (
    select
        student_id,
        subject_group,
        subject_id
    from studied
    union all
    select
        scored.student_id,
        scored.subject_group,
        scored.subject_id
    from scored
    left join studied on scored.student_id = studied.student_id and scored.subject_group = studied.subject_group
    where studied.student_id is null
)

select
    attended.student_id,
    attended.subject_group,
    attended.subject_id,
    coalesce(course.course_start_date, {{ school_year_start(as_of_date()) }}) as course_start_date
from attended
left join {{ ref('int_subject__courses') }} as course on attended.subject_id = course.subject_id
