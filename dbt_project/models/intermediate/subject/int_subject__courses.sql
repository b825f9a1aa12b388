-- Subjects that are courses with a start: most of their learners begin on one day, as in a distance university, where
-- every presentation of a module is a subject of its own. A subject of a Korean school is begun on any day of the
-- school year, so it is none. A goal counts for the very subject that it names; one for the whole group says nothing.
with goals as (
    select
        subject.subject_id,
        subject.subject_group_id,
        goal.student_id,
        goal.start_date
    from {{ ref('stg_app__student_goals') }} as goal
    inner join {{ ref('stg_app__subjects') }} as subject
        on {{ without_spaces('goal.subject_text') }} = {{ without_spaces('subject.subject') }}
),

learners as (
    select
        subject_id,
        subject_group_id,
        count(*) as goal_count
    from goals
    group by subject_id, subject_group_id
    having count(distinct student_id) >= {{ var('course_min_learners') }}
),

starts as (
    select
        subject_id,
        start_date,
        count(*) as goal_count
    from goals
    group by subject_id, start_date
)

select
    learners.subject_id,
    groups.subject_group,
    starts.start_date as course_start_date
from learners
-- Only one day can hold more than half.
inner join starts on learners.subject_id = starts.subject_id and starts.goal_count * 2 > learners.goal_count
inner join {{ ref('int_subject__groups') }} as groups on learners.subject_group_id = groups.subject_group_id
