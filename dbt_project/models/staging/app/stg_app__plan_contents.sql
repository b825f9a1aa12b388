select
    id as plan_content_id,
    plan_group_id,
    content_type,
    content_id,
    master_content_id,
    created_at
from {{ source('app', 'plan_contents') }}
where {{ is_known('created_at') }}
