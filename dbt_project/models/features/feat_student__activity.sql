-- What a student planned, did and timed in windows before the cut-off, and how steadily.
{%- set windows = var('activity_windows') %}
{%- set longest = windows | max %}
with planned as (
    select
        student_id,
        {%- for days in windows %}
        count(*) filter (
            where counts_for_completion and plan_date >= {{ as_of_date() }} - {{ days }}
        ) as planned_{{ days }}d_count,
        count(*) filter (
            where counts_for_completion and is_completed and plan_date >= {{ as_of_date() }} - {{ days }}
        ) as done_{{ days }}d_count,
        count(*) filter (
            where carryover_count > 0 and plan_date >= {{ as_of_date() }} - {{ days }}
        ) as carried_over_{{ days }}d_count,
        {%- endfor %}
        count(*) filter (where is_completed and completed_at is not null) as dated_count,
        count(*) filter (where is_completed and completed_at is not null and completed_date <= plan_date)
            as on_time_count
    from {{ ref('int_plan__items') }}
    where plan_date >= {{ as_of_date() }} - {{ longest }}
    group by student_id
),

timed_days as (
    select
        student_id,
        study_date as day,
        sum(net_seconds) as net_seconds
    from {{ ref('int_study__spells') }}
    group by student_id, study_date
),

done_days as (
    select distinct
        student_id,
        completed_date as day
    from {{ ref('int_plan__items') }}
    where counts_for_completion and is_completed
),

active_days as (
    select
        student_id,
        day,
        timed_days.net_seconds,
        done_days.student_id is not null as has_done
    from timed_days
    full join done_days using (student_id, day)
),

active as (
    select
        student_id,
        {%- for days in windows %}
        count(*) filter (where day >= {{ as_of_date() }} - {{ days }}) as active_{{ days }}d_count,
        sum(net_seconds) filter (where day >= {{ as_of_date() }} - {{ days }}) as net_{{ days }}d_seconds,
        {%- endfor %}
        max(day) as last_active_date
    from active_days
    group by student_id
),

-- Days in a row up to the last day before the cut-off: numbered backwards, a day without a gap lies as many days
-- before the cut-off as its number.
backwards as (
    select
        student_id,
        {{ as_of_date() }} - day as days_ago,
        row_number() over (partition by student_id order by day desc) as number
    from active_days
    where net_seconds >= {{ var('streak_minutes') }} * 60
),

done_backwards as (
    select
        student_id,
        {{ as_of_date() }} - day as days_ago,
        row_number() over (partition by student_id order by day desc) as number
    from active_days
    where has_done
),

streaks as (
    select
        student_id,
        count(*) as streak_days
    from backwards
    where days_ago = number
    group by student_id
),

done_streaks as (
    select
        student_id,
        count(*) as done_streak_days
    from done_backwards
    where days_ago = number
    group by student_id
),

-- Days between one active day and the next, the edges of the window counted as active days just outside it.
gaps as (
    select
        student_id,
        day - lag(day, 1, {{ as_of_date() }} - {{ longest }} - 1) over (partition by student_id order by day) - 1
            as gap_days
    from (
        select
            student_id,
            day
        from active_days
        where day >= {{ as_of_date() }} - {{ longest }}
        union all
        select
            student_id,
            {{ as_of_date() }} as day
        from {{ ref('stg_app__students') }}
    ) as days_and_cutoff
),

longest_gaps as (
    select
        student_id,
        max(gap_days) as longest_gap_days
    from gaps
    group by student_id
)

select
    student.student_id,
    {%- for days in windows %}
    coalesce(planned.planned_{{ days }}d_count, 0)::integer as planned_{{ days }}d_count,
    coalesce(planned.done_{{ days }}d_count, 0)::integer as done_{{ days }}d_count,
    planned.done_{{ days }}d_count::double precision / nullif(planned.planned_{{ days }}d_count, 0)
        as completion_{{ days }}d_share,
    active.net_{{ days }}d_seconds::integer as net_{{ days }}d_seconds,
    coalesce(active.active_{{ days }}d_count, 0)::integer as active_{{ days }}d_count,
    coalesce(planned.carried_over_{{ days }}d_count, 0)::integer as carried_over_{{ days }}d_count,
    {%- endfor %}
    coalesce(streaks.streak_days, 0)::integer as streak_days,
    coalesce(done_streaks.done_streak_days, 0)::integer as done_streak_days,
    longest_gaps.longest_gap_days::integer as longest_gap_{{ longest }}d_days,
    active.last_active_date,
    {{ as_of_date() }} - active.last_active_date as days_since_active,
    planned.on_time_count::double precision / nullif(planned.dated_count, 0) as on_time_{{ longest }}d_share
from {{ ref('stg_app__students') }} as student
left join planned on student.student_id = planned.student_id
left join active on student.student_id = active.student_id
left join streaks on student.student_id = streaks.student_id
left join done_streaks on student.student_id = done_streaks.student_id
left join longest_gaps on student.student_id = longest_gaps.student_id
