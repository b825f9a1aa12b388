-- What a student is studying at the cut-off: subjects of open goals, and of contents touched within the window.
-- A subject whose own goal has ended since it was last touched is over. A null subject stands for the whole
-- group: a goal often names only 수학.
with subject_names as (
    select
        groups.subject_group,
        subject.subject,
        {{ without_spaces('subject.subject') }} as name
    from {{ ref('stg_app__subjects') }} as subject
    inner join {{ ref('int_subject__groups') }} as groups on subject.subject_group_id = groups.subject_group_id
),

spellings as (
    select distinct
        subject_group,
        subject,
        name
    from subject_names
    union
    -- A spelling of the group alone, also where a subject is called as its group.
    select
        subject_group,
        null,
        name
    from {{ ref('int_subject__names') }}
    where name = subject_group or name not in (select subject_names.name from subject_names)
),

goals as (
    select
        goal.student_id,
        spellings.subject_group,
        spellings.subject,
        goal.start_date,
        goal.end_date
    from {{ ref('stg_app__student_goals') }} as goal
    inner join spellings on {{ without_spaces('goal.subject_text') }} = spellings.name
),

touched as (
    select
        pair.student_id,
        content.subject_group,
        content.subject,
        min(least(pair.first_planned_date, pair.shelved_date)) as first_touched_date,
        max(greatest(pair.last_planned_date, pair.shelved_date)) as last_touched_date
    from {{ ref('feat_student_content__interactions') }} as pair
    inner join {{ ref('int_content__masters') }} as content on pair.content_id = content.content_id
    where content.subject_group is not null
    group by 1, 2, 3
    having
        max(greatest(pair.last_planned_date, pair.shelved_date))
        >= {{ as_of_date() }} - {{ var('studying_window_days') }}
),

-- Only a goal for the very subject ends it; one for the whole group does not.
ended as (
    select
        student_id,
        subject,
        max(end_date) as end_date
    from goals
    where end_date < {{ as_of_date() }} and subject is not null
    group by 1, 2
),

studying as (
    select student_id, subject_group, subject, start_date as since_date
    from goals
    where end_date >= {{ as_of_date() }}
    union all
    select touched.student_id, touched.subject_group, touched.subject, touched.first_touched_date
    from touched
    left join ended on touched.student_id = ended.student_id and touched.subject = ended.subject
    where coalesce(ended.end_date < touched.last_touched_date, true)
)

select
    studying.student_id,
    studying.subject_group,
    studying.subject,
    min(studying.since_date) as since_date
from studying
inner join {{ ref('stg_app__students') }} as student on studying.student_id = student.student_id
group by 1, 2, 3
