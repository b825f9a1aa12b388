-- How often recommendations were taken up and carried through, by rank, reason, source, and with and without the
-- holdout. Only what was shown long enough ago to tell. The interval of the adopted share is Wilson's, at 95 %.
with decided as (
    select *
    from {{ ref('fct_recommendation_outcomes') }}
    where is_adopted is not null
),

sliced as (
    select 'rank' as dimension, rank::text as value, decided.* from decided
    union all
    select 'source', source, decided.* from decided
    union all
    select 'reason', codes.code, decided.*
    from decided
    cross join unnest(reason_codes) as codes (code)
    union all
    select 'is_holdout', is_holdout::text, decided.* from decided
),

counted as (
    select
        dimension,
        value,
        count(distinct student_id)::integer as student_count,
        count(*)::integer as shown_count,
        count(*) filter (where is_adopted)::integer as adopted_count,
        count(*) filter (where is_started)::integer as started_count,
        coalesce(sum(planned_count), 0)::integer as planned_count,
        coalesce(sum(done_count), 0)::integer as done_count,
        count(*) filter (where is_adopted)::double precision / count(*) as adopted_share
    from sliced
    group by dimension, value
)

select
    dimension,
    value,
    student_count,
    shown_count,
    adopted_count,
    started_count,
    planned_count,
    done_count,
    adopted_share,
    {{ wilson_low('adopted_share', 'shown_count') }} as adopted_share_low,
    {{ wilson_high('adopted_share', 'shown_count') }} as adopted_share_high,
    done_count::double precision / nullif(planned_count, 0) as completion_share
from counted
