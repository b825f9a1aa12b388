-- How long a kind of work has taken a student: means and variances of logarithms, which add up across students where
-- quantiles do not. A kind is a type of content in a subject group; items of an unknown kind, or timed for less than a
-- minute, say nothing of it.
-- Decimals, because a sum of floats depends on the order in which rows lie.
with timed as (
    select
        student_id,
        content_type,
        subject_group,
        ln(net_seconds / 60.0::double precision)::numeric as log_minutes,
        case when planned_units > 0 then ln(planned_units::double precision)::numeric end as log_units,
        case when estimated_minutes > 0 then ln(estimated_minutes::double precision)::numeric end as log_estimate
    from {{ ref('int_plan__items') }}
    where
        is_completed
        and counts_for_completion
        and net_seconds >= {{ var('least_timed_seconds') }}
        and content_type is not null
        and subject_group is not null
        and plan_date >= {{ as_of_date() }} - {{ var('effort_kind_days') }}
)

select
    student_id,
    content_type,
    subject_group,
    count(*)::integer as item_count,
    avg(log_minutes)::double precision as mean_log_minutes,
    var_pop(log_minutes)::double precision as var_log_minutes,
    count(log_units)::integer as unit_item_count,
    avg(log_minutes - log_units)::double precision as mean_log_unit_minutes,
    var_pop(log_minutes - log_units)::double precision as var_log_unit_minutes,
    count(log_estimate)::integer as estimated_item_count,
    avg(log_minutes - log_estimate)::double precision as mean_log_pace,
    var_pop(log_minutes - log_estimate)::double precision as var_log_pace
from timed
group by student_id, content_type, subject_group
