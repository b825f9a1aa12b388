-- What became of published predictions. Grain: series, target day and the week in which it was predicted, as logged in
-- that week; only those whose exam has a score by now. An exam is the predicted one when it is of the series and type
-- and due in the month of the target day: the app keeps the month of a mock exam alone.
with logged as (
    select
        student_id,
        tenant_id,
        subject_group,
        exam_kind,
        exam_type,
        target_date,
        week_start_date,
        as_of_date,
        predicted_score,
        lower,
        upper,
        lower_90,
        upper_90,
        confidence,
        scale,
        basis,
        past_exam_count,
        model_version
    from {{ ref('stg_serving__score_prediction_log') }}
),

-- Several 과목 of a group are one exam.
scored as (
    select
        student_id,
        subject_group,
        exam_kind,
        exam_type,
        date_trunc('month', exam_date::timestamp)::date as exam_month,
        min(known_date) as scored_date,
        avg(percentile) as percentile,
        avg(raw_score) as raw_score
    from {{ ref('feat_student_exam__scores') }}
    group by 1, 2, 3, 4, 5
)

select
    logged.student_id,
    logged.tenant_id,
    logged.subject_group,
    logged.exam_kind,
    logged.exam_type,
    logged.target_date,
    logged.week_start_date,
    scored.scored_date,
    logged.predicted_score,
    logged.lower,
    logged.upper,
    logged.lower_90,
    logged.upper_90,
    logged.confidence,
    logged.past_exam_count,
    logged.scale,
    logged.basis,
    logged.model_version,
    case logged.scale when 'percentile' then scored.percentile else scored.raw_score end as actual_score
from logged
inner join scored
    on
        logged.student_id = scored.student_id
        and logged.subject_group = scored.subject_group
        and logged.exam_kind = scored.exam_kind
        and logged.exam_type = scored.exam_type
        and date_trunc('month', logged.target_date::timestamp)::date = scored.exam_month
        -- What was known when it was predicted is no prediction.
        and logged.as_of_date <= scored.scored_date
where case logged.scale when 'percentile' then scored.percentile else scored.raw_score end is not null
