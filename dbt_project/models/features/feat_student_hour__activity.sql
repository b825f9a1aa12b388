-- At what hour a student studies, and how much of what is begun then gets done, over the longest activity window. What
-- has no known beginning is of no hour.
{%- set first_day %}{{ as_of_date() }} - {{ var('activity_windows') | max }}{% endset %}
with timed as (
    select
        student_id,
        start_hour,
        count(*) as spell_count,
        sum(net_seconds) as net_seconds
    from {{ ref('int_study__spells') }}
    where start_hour is not null and study_date >= {{ first_day }}
    group by student_id, start_hour
),

items as (
    select
        student_id,
        extract(hour from started_at at time zone 'Asia/Seoul')::integer as start_hour,
        is_completed
    from {{ ref('int_plan__items') }}
    where counts_for_completion and {{ kst_date('started_at') }} >= {{ first_day }}
),

begun as (
    select
        student_id,
        start_hour,
        count(*) as planned_count,
        count(*) filter (where is_completed) as done_count
    from items
    group by student_id, start_hour
)

select
    student_id,
    start_hour::smallint as start_hour,
    coalesce(timed.spell_count, 0)::integer as spell_count,
    timed.net_seconds::integer as net_seconds,
    coalesce(begun.planned_count, 0)::integer as planned_count,
    coalesce(begun.done_count, 0)::integer as done_count
from timed
full join begun using (student_id, start_hour)
