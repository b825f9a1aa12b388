-- `done` is the app's word on completion. The row has no time of its own: without `done_at`, its event's last edit
-- dates it.
select
    study.event_id,
    study.content_type,
    study.content_id,
    study.master_content_id,
    {{ normalised('study.subject_category') }} as subject_group_text,
    {{ normalised('study.subject_name') }} as subject_text,
    {{ units_between('study.planned_start_page', 'study.planned_end_page') }} as planned_units,
    study.done and {{ has_happened('coalesce(study.done_at, event.updated_at)') }} as is_completed,
    case when study.done and {{ has_happened('study.done_at') }} then study.done_at end as completed_at,
    study.estimated_minutes,
    case
        when
            study.done and {{ has_happened('study.done_at') }}
            and study.actual_minutes between 0 and {{ var('longest_session_hours') }} * 60
            then study.actual_minutes * 60
    end as net_seconds
from {{ source('app', 'event_study_data') }} as study
inner join {{ ref('stg_app__calendar_events') }} as event on study.event_id = event.event_id
where event.left_out_reason is null or event.is_upcoming
