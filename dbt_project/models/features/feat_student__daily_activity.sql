-- What a student planned, did and timed on each day of the last year and a half. Whole weeks are counted back from the
-- cut-off, so that the last one always has seven days: an item was planned ahead when it was in the plan for its week
-- before that week began.
{%- set first_day %}{{ as_of_date() }} - {{ var('activity_history_days') }}{% endset %}
{%- set days_ago %}{{ as_of_date() }} - plan_date{% endset %}
{%- set week_began %}{{ as_of_date() }} - ({{ days_ago }} + 6) / 7 * 7{% endset %}
{%- set is_late %}start_hour >= {{ var('late_from_hour') }} or start_hour < {{ var('late_until_hour') }}{% endset %}
with planned as (
    select
        student_id,
        plan_date as activity_date,
        count(*) as planned_count,
        -- What was carried into the week was not planned for it, and nobody knows when it was moved.
        count(*) filter (
            where coalesce(known_date < {{ week_began }}, true)
            and coalesce(carryover_from_date >= {{ week_began }}, true)
        ) as planned_ahead_count,
        count(*) filter (where completed_date <= plan_date) as done_on_time_count,
        count(*) filter (where completed_date < plan_date + 7) as done_in_week_count,
        count(*) filter (where is_completed) as done_count,
        count(*) filter (where carryover_count > 0) as carried_over_count
    from {{ ref('int_plan__items') }}
    where counts_for_completion and plan_date >= {{ first_day }}
    group by student_id, plan_date
),

ticked as (
    select
        student_id,
        completed_date as activity_date,
        count(*) as ticked_count
    from {{ ref('int_plan__items') }}
    where counts_for_completion and is_completed and completed_date >= {{ first_day }}
    group by student_id, completed_date
),

timed as (
    select
        student_id,
        study_date as activity_date,
        count(*) as spell_count,
        sum(net_seconds) as net_seconds,
        coalesce(sum(net_seconds) filter (where {{ is_late }}), 0) as late_seconds
    from {{ ref('int_study__spells') }}
    where study_date >= {{ first_day }}
    group by student_id, study_date
)

select
    student_id,
    activity_date,
    coalesce(planned.planned_count, 0)::integer as planned_count,
    coalesce(planned.planned_ahead_count, 0)::integer as planned_ahead_count,
    coalesce(planned.done_on_time_count, 0)::integer as done_on_time_count,
    coalesce(planned.done_in_week_count, 0)::integer as done_in_week_count,
    coalesce(planned.done_count, 0)::integer as done_count,
    coalesce(ticked.ticked_count, 0)::integer as ticked_count,
    coalesce(planned.carried_over_count, 0)::integer as carried_over_count,
    coalesce(timed.spell_count, 0)::integer as spell_count,
    -- A day on which nothing was timed has an unknown time, not none.
    timed.net_seconds::integer as net_seconds,
    timed.late_seconds::integer as late_seconds
from planned
full join ticked using (student_id, activity_date)
full join timed using (student_id, activity_date)
