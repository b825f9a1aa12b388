-- What an academy wants studied before what, of all plans alike: a rule of one plan group says nothing of others.
with dependencies as (
    select
        dependency.tenant_id,
        coalesce(dependent.master_content_id, dependency.dependent_content_id) as content_id,
        coalesce(prerequisite.master_content_id, dependency.prerequisite_content_id) as prerequisite_id
    from {{ ref('stg_app__content_dependencies') }} as dependency
    left join {{ ref('int_content__copies') }} as dependent on dependency.dependent_content_id = dependent.content_id
    left join {{ ref('int_content__copies') }} as prerequisite
        on dependency.prerequisite_content_id = prerequisite.content_id
    where dependency.plan_group_id is null
)

select distinct
    dependencies.tenant_id,
    dependencies.content_id,
    dependencies.prerequisite_id
from dependencies
inner join {{ ref('int_content__masters') }} as content on dependencies.content_id = content.content_id
inner join {{ ref('int_content__masters') }} as prerequisite on dependencies.prerequisite_id = prerequisite.content_id
where dependencies.content_id != dependencies.prerequisite_id
