-- The school year (학년도) and semester of a student's 내신.
select
    id as student_term_id,
    student_id,
    school_year,
    grade as school_year_level,
    semester
from {{ source('app', 'student_terms') }}
where {{ is_known('created_at') }}
