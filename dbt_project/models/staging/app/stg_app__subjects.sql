select
    id as subject_id,
    subject_group_id,
    {{ normalised('name') }} as subject
from {{ source('app', 'subjects') }}
