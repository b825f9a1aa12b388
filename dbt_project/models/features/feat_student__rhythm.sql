-- When a student studies: seconds by hour, plans and seconds by weekday, over the longest activity window.
{%- set longest = var('activity_windows') | max %}
with spells as (
    select
        student_id,
        net_seconds,
        start_hour,
        extract(dow from study_date)::integer as weekday
    from {{ ref('int_study__spells') }}
    where study_date >= {{ as_of_date() }} - {{ longest }}
),

timed as (
    select
        student_id,
        count(*) as timed_spell_count,
        avg(net_seconds) as mean_spell_seconds,
        array[
            {%- for hour in range(24) %}
            coalesce(sum(net_seconds) filter (where start_hour = {{ hour }}), 0){{ "," if not loop.last }}
            {%- endfor %}
        ]::integer[] as hour_seconds,
        array[
            {%- for hour in range(24) %}
            count(*) filter (where start_hour = {{ hour }}){{ "," if not loop.last }}
            {%- endfor %}
        ]::integer[] as hour_spell_count,
        array[
            {%- for weekday in range(7) %}
            coalesce(sum(net_seconds) filter (where weekday = {{ weekday }}), 0){{ "," if not loop.last }}
            {%- endfor %}
        ]::integer[] as weekday_seconds
    from spells
    group by student_id
),

items as (
    select
        student_id,
        is_completed,
        extract(dow from plan_date)::integer as weekday
    from {{ ref('int_plan__items') }}
    where counts_for_completion and plan_date >= {{ as_of_date() }} - {{ longest }}
),

planned as (
    select
        student_id,
        array[
            {%- for weekday in range(7) %}
            count(*) filter (where weekday = {{ weekday }}){{ "," if not loop.last }}
            {%- endfor %}
        ]::integer[] as weekday_planned_count,
        array[
            {%- for weekday in range(7) %}
            count(*) filter (where weekday = {{ weekday }} and is_completed){{ "," if not loop.last }}
            {%- endfor %}
        ]::integer[] as weekday_done_count
    from items
    group by student_id
)

select
    student.student_id,
    timed.hour_seconds,
    timed.hour_spell_count,
    coalesce(planned.weekday_planned_count, array_fill(0, array[7])) as weekday_planned_count,
    coalesce(planned.weekday_done_count, array_fill(0, array[7])) as weekday_done_count,
    timed.weekday_seconds,
    coalesce(timed.timed_spell_count, 0)::integer as timed_spell_count,
    timed.mean_spell_seconds::double precision as mean_spell_seconds
from {{ ref('stg_app__students') }} as student
left join timed on student.student_id = timed.student_id
left join planned on student.student_id = planned.student_id
