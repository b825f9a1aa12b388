-- What became of every row of the audited tables: rows in = rows kept + rows left out, by reason. A kept row may carry
-- a reason too: what is wrong with it, though it counts.
with plans as (
    select
        plan.plan_id,
        coalesce(
            plan.left_out_reason, case when student.student_id is null then 'unknown_student' end
        ) as left_out_reason
    from {{ ref('stg_app__student_plan') }} as plan
    left join {{ ref('stg_app__students') }} as student on plan.student_id = student.student_id
),

first_days as (
    select event_id
    from {{ ref('int_plan__occurrences') }}
    where is_first and occurrence_date < {{ as_of_date() }}
),

events as (
    select
        coalesce(
            event.left_out_reason,
            case
                when study.event_id is null then 'without_study_data'
                when plan.left_out_reason is not null then 'twin_of_a_left_out_plan'
                when plan.plan_id is not null
                    -- Any other twin is kept with its plan, whatever it says of student and content itself.
                    then case when event.rrule is not null then 'recurring_twin_of_a_plan' end
                when study.content_id = {{ unscheduled_content() }} then 'not_study'
                when student.student_id is null then 'unknown_student'
                when event.rrule is not null and first_days.event_id is null then 'never_comes_up'
            end
        ) as left_out_reason
    from {{ ref('stg_app__calendar_events') }} as event
    left join {{ ref('stg_app__event_study_data') }} as study on event.event_id = study.event_id
    left join {{ ref('stg_app__students') }} as student on event.student_id = student.student_id
    left join plans as plan on event.event_id = plan.plan_id
    left join first_days on event.event_id = first_days.event_id
),

sessions as (
    select
        coalesce(
            session.left_out_reason, case when student.student_id is null then 'unknown_student' end
        ) as left_out_reason
    from {{ ref('stg_app__student_study_sessions') }} as session
    left join {{ ref('stg_app__students') }} as student on session.student_id = student.student_id
),

scores as (
    select 'student_internal_scores' as source_table, score_id, student_id, subject_id, left_out_reason
    from {{ ref('stg_app__student_internal_scores') }}
    union all
    select 'student_mock_scores', score_id, student_id, subject_id, left_out_reason
    from {{ ref('stg_app__student_mock_scores') }}
),

audited_scores as (
    select
        scores.source_table,
        coalesce(
            scores.left_out_reason,
            case
                when student.student_id is null then 'unknown_student'
                when subject_group.subject_group_id is null then 'unknown_subject'
            end
        ) as left_out_reason
    from scores
    left join {{ ref('stg_app__students') }} as student on scores.student_id = student.student_id
    left join {{ ref('stg_app__subjects') }} as subject on scores.subject_id = subject.subject_id
    left join {{ ref('int_subject__groups') }} as subject_group
        on subject.subject_group_id = subject_group.subject_group_id
),

left_out as (
    select 'student_plan' as source_table, left_out_reason
    from plans
    where left_out_reason is not null
    union all
    select 'calendar_events', left_out_reason
    from events
    where left_out_reason is not null
    union all
    select 'student_study_sessions', left_out_reason
    from sessions
    where left_out_reason is not null
    union all
    select source_table, left_out_reason
    from audited_scores
    where left_out_reason is not null
),

-- Counted in the tables that were built, not in staging: so the two sides can disagree, and a test sees it.
kept as (
    select
        'student_plan' as source_table,
        sum(plan_row_count) as row_count,
        case
            when subject_group is null then 'subject_unknown'
            when content_id is null then 'content_not_in_the_catalogue'
        end as reason
    from {{ ref('int_plan__items') }}
    group by reason
    union all
    select
        'calendar_events',
        sum(event_row_count),
        case
            when subject_group is null then 'subject_unknown'
            when content_id is null then 'content_not_in_the_catalogue'
        end as reason
    from {{ ref('int_plan__items') }}
    group by reason
    union all
    select
        'student_study_sessions',
        count(*),
        case when net_seconds is null then 'length_' || length_basis end as reason
    from {{ ref('int_study__sessions') }}
    group by reason
    union all
    select
        case exam_kind when 'internal' then 'student_internal_scores' else 'student_mock_scores' end as source_table,
        count(*),
        case when percentile is null then 'no_percentile' end as reason
    from {{ ref('int_score__results') }}
    group by source_table, reason
)

select
    source_table,
    'left_out' as fate,
    left_out_reason as reason,
    count(*) as row_count
from left_out
group by source_table, left_out_reason
union all
select
    source_table,
    'kept' as fate,
    reason,
    row_count::bigint as row_count
from kept
where row_count > 0
