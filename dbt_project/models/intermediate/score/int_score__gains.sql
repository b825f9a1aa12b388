-- From one exam to the next of the same student, subject group and kind: how the percentile moved. Several 과목 of a
-- group on one day are averaged first.
with exams as (
    select
        student_id,
        min(tenant_id::text)::uuid as tenant_id,
        subject_group,
        exam_kind,
        exam_date,
        avg(percentile) as percentile
    from {{ ref('int_score__results') }}
    where percentile is not null
    group by student_id, subject_group, exam_kind, exam_date
),

consecutive as (
    select
        *,
        lag(exam_date) over series as from_date,
        lag(percentile) over series as from_percentile
    from exams
    window series as (partition by student_id, subject_group, exam_kind order by exam_date)
)

select
    student_id,
    tenant_id,
    subject_group,
    exam_kind,
    from_date,
    exam_date as to_date,
    from_percentile,
    percentile as to_percentile,
    percentile - from_percentile as gain
from consecutive
where from_date is not null
