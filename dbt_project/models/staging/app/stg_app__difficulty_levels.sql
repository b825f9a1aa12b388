select
    id as difficulty_level_id,
    {{ difficulty_rank('name') }} as difficulty_level
from {{ source('app', 'difficulty_levels') }}
