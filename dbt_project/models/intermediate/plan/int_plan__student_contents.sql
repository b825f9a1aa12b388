-- Student × master content: what was planned, what was done and what merely stands on the student's shelf.
-- Grain: student_id × content_id. Counts are of plan items.
with planned as (
    select
        student_id,
        content_id,
        min(plan_date) as first_planned_date,
        max(plan_date) as last_planned_date,
        min(completed_date) as first_done_date,
        max(completed_date) as last_done_date,
        count(*) as planned_count,
        count(*) filter (where is_completed) as done_count,
        sum(net_seconds) as net_seconds
    from {{ ref('int_plan__items') }}
    where counts_for_completion and content_id is not null
    group by student_id, content_id
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
    coalesce(planned.planned_count, 0) as planned_count,
    coalesce(planned.done_count, 0) as done_count,
    planned.net_seconds
from planned
full join shelved using (student_id, content_id)
