-- Which master a student's copy stands for: by its own pointer, else by the plan that placed it, which is the only
-- way for customs. Contents that a student made up stand for none and are left out.
with placed as (
    select
        content_id,
        -- One copy, one master: should two plans disagree, the smaller id wins, on every run alike.
        min(master_content_id::text)::uuid as master_content_id
    from {{ ref('stg_app__plan_contents') }}
    where master_content_id is not null
    group by content_id
),

copies as (
    select content_id, student_id, master_content_id, created_at
    from {{ ref('stg_app__books') }}
    union all
    select content_id, student_id, master_content_id, created_at
    from {{ ref('stg_app__lectures') }}
    union all
    select content_id, student_id, null::uuid as master_content_id, created_at
    from {{ ref('stg_app__student_custom_contents') }}
)

select
    copies.content_id,
    copies.student_id,
    coalesce(copies.master_content_id, placed.master_content_id) as master_content_id,
    copies.created_at
from copies
left join placed on copies.content_id = placed.content_id
where coalesce(copies.master_content_id, placed.master_content_id) is not null
