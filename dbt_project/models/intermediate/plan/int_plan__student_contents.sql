-- Student × master content: what was planned, what was done and what merely stands on the student's shelf.
-- Grain: student_id × content_id. Counts are of plan items.
with planned as (
    select
        item.student_id,
        coalesce(copy.master_content_id, item.master_content_id, item.content_id) as content_id,
        min(item.plan_date) as first_planned_date,
        max(item.plan_date) as last_planned_date,
        min(item.completed_date) as first_done_date,
        max(item.completed_date) as last_done_date,
        count(*) as planned_count,
        count(*) filter (where item.is_completed) as done_count,
        sum(item.net_seconds) as net_seconds
    from {{ ref('int_plan__items') }} as item
    left join {{ ref('int_content__copies') }} as copy on item.content_id = copy.content_id
    where item.counts_for_completion
    group by 1, 2
),

shelf as (
    select
        student_id,
        master_content_id as content_id,
        min({{ kst_date('created_at') }}) as shelved_date
    from {{ ref('int_content__copies') }}
    where student_id is not null
    group by 1, 2
),

pairs as (
    select
        coalesce(planned.student_id, shelf.student_id) as student_id,
        coalesce(planned.content_id, shelf.content_id) as content_id,
        shelf.shelved_date,
        planned.first_planned_date,
        planned.last_planned_date,
        planned.first_done_date,
        planned.last_done_date,
        coalesce(planned.planned_count, 0) as planned_count,
        coalesce(planned.done_count, 0) as done_count,
        planned.net_seconds
    from planned
    full join shelf on planned.student_id = shelf.student_id and planned.content_id = shelf.content_id
)

select pairs.*
from pairs
inner join {{ ref('int_content__masters') }} as master on pairs.content_id = master.content_id
