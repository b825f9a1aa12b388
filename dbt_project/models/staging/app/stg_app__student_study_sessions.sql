-- Net time is recomputed: the app writes `duration_seconds` net on one path and with pauses on another.
-- A session that has not ended by the cut-off, or ended before it began, has an unknown length.
with sessions as (
    select
        id as session_id,
        student_id,
        tenant_id,
        plan_id,
        content_type,
        content_id,
        started_at,
        case when {{ has_happened('ended_at') }} then ended_at end as ended_at,
        coalesce(paused_duration_seconds, 0) as paused_seconds
    from {{ source('app', 'student_study_sessions') }}
    where {{ has_happened('started_at') }} and {{ is_known('created_at') }}
)

select
    session_id,
    student_id,
    tenant_id,
    plan_id,
    content_type,
    content_id,
    started_at,
    ended_at,
    {{ kst_date('started_at') }} as session_date,
    case
        when extract(epoch from ended_at - started_at) >= paused_seconds
            then (extract(epoch from ended_at - started_at) - paused_seconds)::integer
    end as net_seconds
from sessions
