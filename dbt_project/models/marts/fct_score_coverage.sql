-- The ledger: how often published intervals held, beside what they promised. Grain: one cut (all, subject group, kind,
-- academy, week of the prediction, class of past scores) and its value.
with outcomes as (
    select
        *,
        upper - lower as width_80,
        (actual_score between lower and upper) as is_covered_80,
        (actual_score between lower_90 and upper_90) as is_covered_90,
        abs(actual_score - predicted_score) as error
    from {{ ref('fct_score_prediction_outcomes') }}
),

sliced as (
    select
        slice.dimension,
        slice.value,
        outcomes.is_covered_80,
        outcomes.is_covered_90,
        outcomes.width_80,
        outcomes.error,
        outcomes.confidence
    from outcomes
    cross join lateral (
        values
        ('all', 'all'),
        ('subject_group', outcomes.subject_group),
        ('exam_kind', outcomes.exam_kind),
        ('tenant_id', outcomes.tenant_id::text),
        ('week_start_date', outcomes.week_start_date::text),
        (
            'past_exam_count',
            case
                when outcomes.past_exam_count <= 2 then outcomes.past_exam_count::text
                when outcomes.past_exam_count <= 4 then '3-4'
                else '5+'
            end
        )
    ) as slice (dimension, value)
),

counted as (
    select
        dimension,
        value,
        count(*)::integer as outcome_count,
        avg(is_covered_80::integer)::double precision as coverage_80_share,
        avg(is_covered_90::integer)::double precision as coverage_90_share,
        avg(width_80)::double precision as width_80_points,
        avg(error)::double precision as mean_error_points,
        avg(confidence)::double precision as promised_confidence_share,
        avg((error <= {{ var('confidence_points') }})::integer)::double precision as landed_within_5_share
    from sliced
    group by dimension, value
)

select
    dimension,
    value,
    outcome_count,
    coverage_80_share,
    {{ wilson_low('coverage_80_share', 'outcome_count') }} as coverage_80_share_low,
    {{ wilson_high('coverage_80_share', 'outcome_count') }} as coverage_80_share_high,
    coverage_90_share,
    width_80_points,
    mean_error_points,
    promised_confidence_share,
    landed_within_5_share
from counted
