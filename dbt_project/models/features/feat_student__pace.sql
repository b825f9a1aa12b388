-- How long work really takes a student, against what was planned for it, over the longest activity window.
with timed as (
    select
        student_id,
        net_seconds,
        estimated_minutes * 60 as estimated_seconds,
        net_seconds / (estimated_minutes * 60.0) as ratio
    from {{ ref('int_plan__items') }}
    where
        is_completed
        and net_seconds > 0
        and estimated_minutes > 0
        and plan_date >= {{ as_of_date() }} - {{ var('activity_windows') | max }}
),

pace as (
    select
        student_id,
        count(*) as timed_item_count,
        sum(estimated_seconds) as estimated_seconds,
        sum(net_seconds) as net_seconds,
        percentile_cont(0.5) within group (order by ratio) as pace_ratio_p50,
        percentile_cont(0.8) within group (order by ratio) as pace_ratio_p80
    from timed
    group by student_id
)

select
    student.student_id,
    coalesce(pace.timed_item_count, 0)::integer as timed_item_count,
    pace.estimated_seconds::integer as estimated_seconds,
    pace.net_seconds::integer as net_seconds,
    pace.net_seconds::double precision / pace.estimated_seconds as pace_ratio,
    pace.pace_ratio_p50::double precision as pace_ratio_p50,
    pace.pace_ratio_p80::double precision as pace_ratio_p80
from {{ ref('stg_app__students') }} as student
left join pace on student.student_id = pace.student_id
