-- Every timed stretch of study once: sessions of known length, and plans that were timed where no session
-- of theirs has a length.
select
    student_id,
    tenant_id,
    session_date as study_date,
    started_at,
    start_hour,
    content_id,
    subject_group,
    net_seconds,
    'session' as basis
from {{ ref('int_study__sessions') }}
where net_seconds is not null
union all
select
    student_id,
    tenant_id,
    coalesce({{ kst_date('started_at') }}, completed_date, plan_date) as study_date,
    started_at,
    extract(hour from started_at at time zone 'Asia/Seoul')::integer as start_hour,
    content_id,
    subject_group,
    net_seconds,
    'plan' as basis
from {{ ref('int_plan__items') }}
where net_seconds is not null and timed_session_count = 0
