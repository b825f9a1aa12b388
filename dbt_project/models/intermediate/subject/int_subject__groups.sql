-- Every row of the app's subject groups (one a curriculum revision) under its one name.
select
    app.subject_group_id,
    names.subject_group,
    app.is_physical_arts
from {{ ref('stg_app__subject_groups') }} as app
inner join {{ ref('int_subject__names') }} as names on {{ without_spaces('app.subject_group') }} = names.name
