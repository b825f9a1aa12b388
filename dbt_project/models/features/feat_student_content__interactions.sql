-- Student × master content: what was planned, what was done and what merely stands on the student's shelf.
with planned as (
    select
        item.student_id,
        item.content_id,
        min(item.plan_date) as first_planned_date,
        max(item.plan_date) as last_planned_date,
        min(item.completed_date) as first_done_date,
        max(item.completed_date) as last_done_date,
        count(*) as planned_count,
        count(*) filter (where item.is_completed) as done_count,
        count(*) filter (where item.carryover_count > 0) as carried_over_count,
        sum(item.planned_units) as planned_units,
        sum(item.planned_units) filter (where item.is_completed) as done_units,
        sum(item.net_seconds) as net_seconds,
        avg(rating.rating) as rating_mean
    from {{ ref('int_plan__items') }} as item
    left join {{ ref('stg_app__plan_satisfaction_ratings') }} as rating on item.plan_id = rating.plan_id
    where item.counts_for_completion and item.content_id is not null
    group by item.student_id, item.content_id
),

shelved as (
    select
        copy.student_id,
        copy.master_content_id as content_id,
        min({{ kst_date('copy.created_at') }}) as shelved_date
    from {{ ref('int_content__copies') }} as copy
    inner join {{ ref('int_content__masters') }} as master on copy.master_content_id = master.content_id
    where copy.student_id is not null
    group by copy.student_id, copy.master_content_id
)

select
    student_id,
    content_id,
    shelved.shelved_date,
    planned.first_planned_date,
    planned.last_planned_date,
    planned.first_done_date,
    planned.last_done_date,
    coalesce(planned.planned_count, 0)::integer as planned_count,
    coalesce(planned.done_count, 0)::integer as done_count,
    coalesce(planned.carried_over_count, 0)::integer as carried_over_count,
    planned.planned_units::integer as planned_units,
    planned.done_units::integer as done_units,
    planned.net_seconds::integer as net_seconds,
    planned.rating_mean::double precision as rating_mean
from planned
full join shelved using (student_id, content_id)
