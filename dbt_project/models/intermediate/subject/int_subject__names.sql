-- Every spelling under which a subject group is known, and the one name it has here. A spelling is compared without
-- case and spaces: a reviewed alias decides first, then the app's groups, then its subjects where only one group has
-- the name.
with groups as (
    select distinct
        {{ without_spaces('app.subject_group') }} as name,
        coalesce(alias.subject_group, app.subject_group) as subject_group
    from {{ ref('stg_app__subject_groups') }} as app
    left join {{ ref('subject_aliases') }} as alias on {{ without_spaces('app.subject_group') }} = alias.alias
),

subjects as (
    select
        {{ without_spaces('subject.subject') }} as name,
        min(groups.subject_group) as subject_group
    from {{ ref('stg_app__subjects') }} as subject
    inner join {{ ref('stg_app__subject_groups') }} as app on subject.subject_group_id = app.subject_group_id
    inner join groups on {{ without_spaces('app.subject_group') }} = groups.name
    group by {{ without_spaces('subject.subject') }}
    having count(distinct groups.subject_group) = 1
),

ranked as (
    select alias as name, subject_group, 1 as precedence
    from {{ ref('subject_aliases') }}
    union all
    -- The one name is a spelling too, also where the app has no group of that name.
    select distinct subject_group as name, subject_group, 1 as precedence
    from {{ ref('subject_aliases') }}
    union all
    select name, subject_group, 2 as precedence
    from groups
    union all
    select name, subject_group, 3 as precedence
    from subjects
)

select distinct on (name)
    name,
    subject_group
from ranked
where name is not null
order by name, precedence, subject_group
