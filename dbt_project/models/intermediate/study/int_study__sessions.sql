{{ config(materialized='table') }}
-- Timer sessions of known students that count, with what was studied: the session's own content, else its plan's.
select
    session.session_id,
    session.student_id,
    session.tenant_id,
    session.plan_id,
    master.content_id,
    coalesce(master.subject_group, group_by_text.subject_group, group_by_subject.subject_group) as subject_group,
    session.started_at,
    session.ended_at,
    session.session_date,
    extract(hour from session.started_at at time zone 'Asia/Seoul')::integer as start_hour,
    session.net_seconds,
    session.length_basis
from {{ ref('stg_app__student_study_sessions') }} as session
inner join {{ ref('stg_app__students') }} as student on session.student_id = student.student_id
left join {{ ref('stg_app__student_plan') }} as plan on session.plan_id = plan.plan_id
left join {{ ref('int_content__copies') }} as copy on coalesce(session.content_id, plan.content_id) = copy.content_id
left join {{ ref('int_content__masters') }} as master
    on coalesce(copy.master_content_id, session.content_id, plan.content_id) = master.content_id
left join {{ ref('int_subject__names') }} as group_by_text
    on {{ without_spaces('plan.subject_group_text') }} = group_by_text.name
left join {{ ref('int_subject__names') }} as group_by_subject
    on {{ without_spaces('plan.subject_text') }} = group_by_subject.name
where session.left_out_reason is null
