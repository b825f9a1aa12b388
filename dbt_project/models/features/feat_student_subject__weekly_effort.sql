-- What a student planned, did and timed in each subject group, week by week. Weeks begin on Monday and are whole, but
-- for the one that the cut-off lies in.
{%- set first_day %}{{ week_start(as_of_date()) }} - 7 * {{ var('effort_history_weeks') }}{% endset %}
with planned as (
    select
        student_id,
        subject_group,
        {{ week_start('plan_date') }} as week_start,
        count(*) as planned_count,
        count(*) filter (where is_completed) as done_count,
        count(*) filter (where completed_date < {{ week_start('plan_date') }} + 7) as done_by_week_end_count,
        count(*) filter (where carryover_count > 0) as carried_over_count
    from {{ ref('int_plan__items') }}
    where counts_for_completion and subject_group is not null and plan_date >= {{ first_day }}
    group by 1, 2, 3
),

timed as (
    select
        student_id,
        subject_group,
        {{ week_start('study_date') }} as week_start,
        sum(net_seconds) as net_seconds
    from {{ ref('int_study__spells') }}
    where subject_group is not null and study_date >= {{ first_day }}
    group by 1, 2, 3
)

select
    student_id,
    subject_group,
    week_start,
    coalesce(planned.planned_count, 0)::integer as planned_count,
    coalesce(planned.done_count, 0)::integer as done_count,
    coalesce(planned.done_by_week_end_count, 0)::integer as done_by_week_end_count,
    coalesce(planned.carried_over_count, 0)::integer as carried_over_count,
    -- A week without a timed spell has an unknown time, not none.
    timed.net_seconds::integer as net_seconds
from planned
full join timed using (student_id, subject_group, week_start)
