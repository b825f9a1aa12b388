select
    id as subject_type_id,
    is_achievement_only
from {{ app_table('subject_types') }}
