-- `duration` is in seconds, though the app's own DDL says minutes; zero stands for unknown.
select
    id as lecture_episode_id,
    lecture_id,
    episode_number,
    {{ episode_seconds('duration') }} as duration_seconds
from {{ app_table('lecture_episodes') }}
where {{ is_known('created_at') }}
