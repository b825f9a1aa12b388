select
    id as difficulty_level_id,
    {{ difficulty_rank('name') }} as difficulty_level
from {{ app_table('difficulty_levels') }}
