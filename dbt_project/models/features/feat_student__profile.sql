select
    student_id,
    tenant_id,
    school_type,
    school_year_level::smallint as school_year_level,
    curriculum_revision_year::smallint as curriculum_revision_year,
    withdrawn_at is not null as is_withdrawn,
    {{ kst_date('withdrawn_at') }} as withdrawn_date,
    is_synthetic,
    {{ kst_date('created_at') }} as known_since_date
from {{ ref('stg_app__students') }}
