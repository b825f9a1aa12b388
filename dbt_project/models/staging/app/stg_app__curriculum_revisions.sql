select
    id as curriculum_revision_id,
    coalesce(year, {{ revision_year('name') }}) as curriculum_revision_year
from {{ source('app', 'curriculum_revisions') }}
