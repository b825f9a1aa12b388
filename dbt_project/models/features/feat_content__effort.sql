-- What working through a content takes: its units, and the time and completion of those who planned it.
with details as (
    select
        book_id as content_id,
        count(*) as unit_count,
        null::bigint as total_seconds
    from {{ ref('stg_app__book_details') }}
    group by book_id
    union all
    select
        lecture_id,
        count(*),
        sum(duration_seconds)
    from {{ ref('stg_app__lecture_episodes') }}
    group by lecture_id
),

worked as (
    select
        content_id,
        count(*) as planned_count,
        count(*) filter (where is_completed) as done_count,
        count(*) filter (where carryover_count > 0) as carried_over_count,
        count(*) filter (where is_completed and net_seconds > 0 and planned_units > 0) as timed_item_count,
        percentile_cont(0.5) within group (order by net_seconds / planned_units::double precision) filter (
            where is_completed and net_seconds > 0 and planned_units > 0
        ) as seconds_per_unit_p50
    from {{ ref('int_plan__items') }}
    where counts_for_completion and content_id is not null
    group by content_id
),

rated as (
    select
        item.content_id,
        count(*) as rating_count,
        avg(rating.rating) as rating_mean
    from {{ ref('stg_app__plan_satisfaction_ratings') }} as rating
    inner join {{ ref('int_plan__items') }} as item on rating.plan_id = item.plan_id
    where item.content_id is not null
    group by item.content_id
)

select
    master.content_id,
    coalesce(details.unit_count, 0)::integer as unit_count,
    details.total_seconds::integer as total_seconds,
    coalesce(worked.timed_item_count, 0)::integer as timed_item_count,
    worked.seconds_per_unit_p50::double precision as seconds_per_unit_p50,
    worked.done_count::double precision / worked.planned_count as completion_share,
    worked.carried_over_count::double precision / worked.planned_count as carried_over_share,
    coalesce(rated.rating_count, 0)::integer as rating_count,
    rated.rating_mean::double precision as rating_mean
from {{ ref('int_content__masters') }} as master
left join details on master.content_id = details.content_id
left join worked on master.content_id = worked.content_id
left join rated on master.content_id = rated.content_id
