-- The school year (학년도) and semester of a student's 내신. A year out of this world is unknown.
select
    id as student_term_id,
    student_id,
    case when school_year between 2000 and 2100 then school_year end as school_year,
    grade as school_year_level,
    semester
from {{ source('app', 'student_terms') }}
where {{ is_known('created_at') }}
