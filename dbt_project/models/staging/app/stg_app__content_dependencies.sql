-- What should be studied before what.
select
    id as content_dependency_id,
    tenant_id,
    plan_group_id,
    scope,
    prerequisite_content_type,
    prerequisite_content_id,
    dependent_content_type,
    dependent_content_id
from {{ app_table('content_dependencies') }}
where {{ is_known('created_at') }}
