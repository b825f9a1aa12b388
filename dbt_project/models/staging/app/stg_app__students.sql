-- Names, phones, addresses and free text stay in the app. `students.created_at` has no time zone: the app writes UTC.
select
    id as student_id,
    tenant_id,
    upper(school_type) as school_type,
    case when grade between 1 and 6 then grade end as school_year_level,
    {{ revision_year('curriculum_revision') }} as curriculum_revision_year,
    created_at at time zone 'UTC' as created_at,
    case when {{ has_happened('withdrawn_at') }} then withdrawn_at end as withdrawn_at,
    coalesce(memo, '') like '%더미%' as is_synthetic
from {{ source('app', 'students') }}
where {{ is_known("created_at at time zone 'UTC'") }}
