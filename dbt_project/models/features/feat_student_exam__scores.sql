-- Every score that counts, as a predictor replays it: on which day of the course its exam was due, and since when the
-- row as it stands is known. A score may be known before its exam is due: coursework is handed in early.
select
    score.score_id,
    score.student_id,
    score.tenant_id,
    score.subject_group,
    score.subject_id,
    score.exam_kind,
    score.exam_type,
    score.scheduled_date as exam_date,
    -- What has always been known was known on the day of its exam, which lies before the cut-off.
    coalesce({{ kst_date('score.recorded_at') }}, score.exam_date) as known_date,
    -- A subject that most learners begin on one day is a course, and its exams run from that start. The subjects of
    -- Korean schools run by school year, which begins on 1 March; so does an exam before its course's start.
    score.scheduled_date
    - coalesce(course.course_start_date, {{ school_year_start('score.scheduled_date') }}) as course_day,
    score.school_year_level,
    score.raw_score::double precision as raw_score,
    score.percentile,
    score.percentile_basis,
    score.rank_grade::smallint as rank_grade,
    score.rank_grade_levels::smallint as rank_grade_levels,
    score.standard_score::double precision as standard_score,
    score.credit_hours::double precision as credit_hours,
    score.z_score::double precision as z_score
from {{ ref('int_score__results') }} as score
left join {{ ref('int_subject__courses') }} as course
    on score.subject_id = course.subject_id and score.scheduled_date >= course.course_start_date
