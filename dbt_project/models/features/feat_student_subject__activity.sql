-- What a student planned, did and timed in each subject group, how it compares with the rest of the student's work,
-- and how difficult it was.
{%- set longest = var('activity_windows') | max %}
{%- set middle = var('activity_window_days') %}
with items as (
    select
        item.student_id,
        item.subject_group,
        item.plan_date,
        item.is_completed,
        item.carryover_count,
        item.net_seconds,
        item.estimated_minutes,
        content.difficulty_level
    from {{ ref('int_plan__items') }} as item
    left join {{ ref('int_content__masters') }} as content on item.content_id = content.content_id
    where
        item.counts_for_completion
        and item.subject_group is not null
        and item.plan_date >= {{ as_of_date() }} - {{ longest }}
),

planned as (
    select
        student_id,
        subject_group,
        count(*) filter (where plan_date >= {{ as_of_date() }} - {{ middle }}) as planned_{{ middle }}d_count,
        count(*) filter (where is_completed and plan_date >= {{ as_of_date() }} - {{ middle }})
            as done_{{ middle }}d_count,
        count(*) as planned_{{ longest }}d_count,
        count(*) filter (where is_completed) as done_{{ longest }}d_count,
        count(*) filter (where carryover_count > 0) as carried_over_{{ longest }}d_count,
        sum(net_seconds) filter (where is_completed and net_seconds > 0 and estimated_minutes > 0)
        / (sum(estimated_minutes) filter (where is_completed and net_seconds > 0 and estimated_minutes > 0) * 60.0)
            as pace_ratio_{{ longest }}d,
        avg(difficulty_level) filter (where is_completed) as mean_difficulty_done_{{ longest }}d
    from items
    group by student_id, subject_group
),

by_difficulty as (
    select
        student_id,
        subject_group,
        difficulty_level
    from items
    where difficulty_level is not null
    group by student_id, subject_group, difficulty_level
    having
        count(*) >= {{ var('handled_min_items') }}
        and count(*) filter (where is_completed) >= {{ var('handled_min_share') }} * count(*)
),

handled as (
    select
        student_id,
        subject_group,
        max(difficulty_level) as handled_difficulty_level
    from by_difficulty
    group by student_id, subject_group
),

timed as (
    select
        student_id,
        subject_group,
        sum(net_seconds) filter (where study_date >= {{ as_of_date() }} - {{ middle }}) as net_{{ middle }}d_seconds,
        sum(net_seconds) as net_{{ longest }}d_seconds
    from {{ ref('int_study__spells') }}
    where subject_group is not null and study_date >= {{ as_of_date() }} - {{ longest }}
    group by student_id, subject_group
),

subjects as (
    select
        student_id,
        subject_group,
        coalesce(planned.planned_{{ middle }}d_count, 0) as planned_{{ middle }}d_count,
        coalesce(planned.done_{{ middle }}d_count, 0) as done_{{ middle }}d_count,
        coalesce(planned.planned_{{ longest }}d_count, 0) as planned_{{ longest }}d_count,
        coalesce(planned.done_{{ longest }}d_count, 0) as done_{{ longest }}d_count,
        coalesce(planned.carried_over_{{ longest }}d_count, 0) as carried_over_{{ longest }}d_count,
        planned.pace_ratio_{{ longest }}d,
        planned.mean_difficulty_done_{{ longest }}d,
        timed.net_{{ middle }}d_seconds,
        timed.net_{{ longest }}d_seconds
    from planned
    full join timed using (student_id, subject_group)
)

select
    subjects.student_id,
    subjects.subject_group,
    subjects.planned_{{ middle }}d_count::integer as planned_{{ middle }}d_count,
    subjects.done_{{ middle }}d_count::integer as done_{{ middle }}d_count,
    subjects.done_{{ middle }}d_count::double precision / nullif(subjects.planned_{{ middle }}d_count, 0)
        as completion_{{ middle }}d_share,
    subjects.planned_{{ longest }}d_count::integer as planned_{{ longest }}d_count,
    subjects.done_{{ longest }}d_count::integer as done_{{ longest }}d_count,
    subjects.done_{{ longest }}d_count::double precision / nullif(subjects.planned_{{ longest }}d_count, 0)
        as completion_{{ longest }}d_share,
    subjects.planned_{{ longest }}d_count::double precision
    / nullif(sum(subjects.planned_{{ longest }}d_count) over student, 0) as planned_{{ longest }}d_share,
    subjects.net_{{ middle }}d_seconds::integer as net_{{ middle }}d_seconds,
    subjects.net_{{ longest }}d_seconds::integer as net_{{ longest }}d_seconds,
    subjects.net_{{ longest }}d_seconds::double precision
    / nullif(sum(subjects.net_{{ longest }}d_seconds) over student, 0) as seconds_{{ longest }}d_share,
    subjects.carried_over_{{ longest }}d_count::integer as carried_over_{{ longest }}d_count,
    subjects.pace_ratio_{{ longest }}d::double precision as pace_ratio_{{ longest }}d,
    subjects.mean_difficulty_done_{{ longest }}d::double precision as mean_difficulty_done_{{ longest }}d,
    handled.handled_difficulty_level::smallint as handled_difficulty_level
from subjects
left join handled on subjects.student_id = handled.student_id and subjects.subject_group = handled.subject_group
window student as (partition by subjects.student_id)
