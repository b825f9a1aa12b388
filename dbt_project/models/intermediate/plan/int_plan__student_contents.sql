-- Student × master content: what was planned, what was done and what merely stands on the student's shelf.
-- Grain: student_id × content_id. Counts are of plan items.
-- Items are summed per copy before copies meet masters: a tenth of the rows to join.
with by_copy as (
    select
        student_id,
        content_id,
        master_content_id,
        min(plan_date) as first_planned_date,
        max(plan_date) as last_planned_date,
        min(completed_date) as first_done_date,
        max(completed_date) as last_done_date,
        count(*) as planned_count,
        count(*) filter (where is_completed) as done_count,
        sum(net_seconds) as net_seconds
    from {{ ref('int_plan__items') }}
    where counts_for_completion
    group by student_id, content_id, master_content_id
),

pairs as (
    select
        coalesce(by_copy.student_id, copy.student_id) as student_id,
        coalesce(copy.master_content_id, by_copy.master_content_id, by_copy.content_id) as content_id,
        {{ kst_date('copy.created_at') }} as shelved_date,
        by_copy.first_planned_date,
        by_copy.last_planned_date,
        by_copy.first_done_date,
        by_copy.last_done_date,
        by_copy.planned_count,
        by_copy.done_count,
        by_copy.net_seconds
    from by_copy
    full join {{ ref('int_content__copies') }} as copy on by_copy.content_id = copy.content_id
)

select
    pairs.student_id,
    pairs.content_id,
    min(pairs.shelved_date) as shelved_date,
    min(pairs.first_planned_date) as first_planned_date,
    max(pairs.last_planned_date) as last_planned_date,
    min(pairs.first_done_date) as first_done_date,
    max(pairs.last_done_date) as last_done_date,
    coalesce(sum(pairs.planned_count), 0) as planned_count,
    coalesce(sum(pairs.done_count), 0) as done_count,
    sum(pairs.net_seconds) as net_seconds
from pairs
inner join {{ ref('int_content__masters') }} as master on pairs.content_id = master.content_id
where pairs.student_id is not null
group by pairs.student_id, pairs.content_id
