-- One row per curriculum revision; the name is what joins the revisions and the free text of plans and contents.
select
    id as subject_group_id,
    curriculum_revision_id,
    {{ normalised('name') }} as subject_group,
    is_physical_arts
from {{ source('app', 'subject_groups') }}
