-- Attendance and check-ins at the academy. A day on which a student was excused asks for no presence.
{%- set windows = var('attendance_windows') %}
{%- set kinds = ['present', 'late', 'early_leave', 'absent', 'excused'] %}
with attended as (
    select
        {%- for days in windows %}
        count(*) filter (where attendance_date >= {{ as_of_date() }} - {{ days }}) as recorded_{{ days }}d_count,
        {%- for kind in kinds %}
        count(*) filter (
            where status = '{{ kind }}' and attendance_date >= {{ as_of_date() }} - {{ days }}
        ) as {{ kind }}_{{ days }}d_count,
        {%- endfor %}
        {%- endfor %}
        student_id
    from {{ ref('stg_app__attendance_records') }}
    where attendance_date >= {{ as_of_date() }} - {{ windows | max }} and status is not null
    group by student_id
),

checked_in as (
    select
        {%- for days in windows %}
        count(distinct check_date) filter (
            where check_date >= {{ as_of_date() }} - {{ days }}
        ) as check_in_{{ days }}d_count,
        {%- endfor %}
        student_id
    from {{ ref('stg_app__daily_check_ins') }}
    group by student_id
)

select
    {%- for days in windows %}
    coalesce(attended.recorded_{{ days }}d_count, 0)::integer as recorded_{{ days }}d_count,
    {%- for kind in kinds %}
    coalesce(attended.{{ kind }}_{{ days }}d_count, 0)::integer as {{ kind }}_{{ days }}d_count,
    {%- endfor %}
    (attended.recorded_{{ days }}d_count - attended.excused_{{ days }}d_count - attended.absent_{{ days }}d_count)
    ::double precision / nullif(attended.recorded_{{ days }}d_count - attended.excused_{{ days }}d_count, 0)
        as attendance_{{ days }}d_share,
    coalesce(checked_in.check_in_{{ days }}d_count, 0)::integer as check_in_{{ days }}d_count,
    {%- endfor %}
    student.student_id
from {{ ref('stg_app__students') }} as student
left join attended on student.student_id = attended.student_id
left join checked_in on student.student_id = checked_in.student_id
