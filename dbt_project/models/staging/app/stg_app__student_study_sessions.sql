-- Timer sessions, all rows of the table; `left_out_reason` is null for those that count. Net time is recomputed: the
-- app writes `duration_seconds` net on one path and with pauses on another.
with sessions as (
    select
        id, student_id, tenant_id, plan_id, content_type, content_id, started_at, ended_at, last_heartbeat,
        paused_duration_seconds, created_at,
        case when {{ has_happened('ended_at') }} then ended_at end as known_end,
        coalesce(paused_duration_seconds, 0) as paused_seconds
    from {{ source('app', 'student_study_sessions') }}
),

measured as (
    select
        *,
        extract(epoch from known_end - started_at)::bigint - paused_seconds as measured_seconds,
        started_at < {{ as_of_at() }} - interval '{{ var("longest_session_hours") }} hours' as is_orphan,
        least(last_heartbeat, started_at + interval '{{ var("orphan_session_cap_minutes") }} minutes') as orphan_end
    from sessions
)

select
    id as session_id,
    student_id,
    tenant_id,
    plan_id,
    content_type,
    content_id,
    started_at,
    {{ kst_date('started_at') }} as session_date,
    case
        when known_end is not null then 'measured'
        when not is_orphan or last_heartbeat >= {{ as_of_at() }} then 'running'
        when last_heartbeat >= started_at then 'heartbeat'
        else 'unknown'
    end as length_basis,
    -- Nobody stopped the clock of an orphan: it ends at its last sign of life, and not later than the cap.
    case
        when known_end is not null then known_end
        when is_orphan and last_heartbeat between started_at and {{ as_of_at() }} then orphan_end
    end as ended_at,
    case
        when known_end is not null and measured_seconds between 0 and {{ var('longest_session_hours') }} * 3600
            then measured_seconds::integer
        when known_end is null and is_orphan and last_heartbeat between started_at and {{ as_of_at() }}
            then greatest(0, extract(epoch from orphan_end - started_at) - paused_seconds)::integer
    end as net_seconds,
    case
        when not {{ is_known('created_at') }} then 'recorded_after_cutoff'
        when started_at >= {{ as_of_at() }} then 'starts_in_the_future'
        when known_end < started_at then 'ends_before_it_starts'
        when paused_seconds < 0 or measured_seconds < 0 then 'impossible_pauses'
        when measured_seconds > {{ var('longest_session_hours') }} * 3600 then 'too_long'
    end as left_out_reason
from measured
