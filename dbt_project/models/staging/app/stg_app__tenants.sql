select
    id as tenant_id,
    type as tenant_type
from {{ source('app', 'tenants') }}
where {{ is_known('created_at') }}
