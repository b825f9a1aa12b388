-- Level, direction and spread of a student's scores in a subject group, internal and mock apart. Several 과목 of a group
-- on one day are one exam.
with exams as (
    select
        student_id,
        subject_group,
        exam_kind,
        exam_date,
        avg(percentile) as percentile,
        avg(grade_9) as grade_9,
        avg(z_score) as z_score
    from {{ ref('int_score__results') }}
    where percentile is not null
    group by student_id, subject_group, exam_kind, exam_date
),

numbered as (
    select
        *,
        row_number() over (partition by student_id, subject_group, exam_kind order by exam_date desc) as exams_ago
    from exams
)

select
    student_id,
    subject_group,
    exam_kind,
    count(*)::integer as exam_count,
    min(exam_date) as first_exam_date,
    max(exam_date) as last_exam_date,
    {{ as_of_date() }} - max(exam_date) as days_since_exam,
    max(percentile) filter (where exams_ago = 1) as latest_percentile,
    max(percentile) filter (where exams_ago = 2) as previous_percentile,
    avg(percentile) as mean_percentile,
    avg(percentile) filter (where exams_ago <= {{ var('recent_exams') }}) as recent_percentile,
    case
        when count(*) >= {{ var('trend_min_exams') }}
            then regr_slope(percentile, exam_date - date '2000-01-01') * 90
    end as trend_points_per_90d,
    case when count(*) >= 2 then stddev_pop(percentile) end as spread_points,
    max(grade_9) filter (where exams_ago = 1)::double precision as latest_grade_9,
    avg(z_score)::double precision as mean_z_score
from numbered
group by student_id, subject_group, exam_kind
