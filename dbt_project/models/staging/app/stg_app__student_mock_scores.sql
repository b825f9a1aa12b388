-- 모의고사, all rows of the table; `left_out_reason` is null for those that count. `percentile` is 0–100, higher
-- better, and empty where the exam has none (영어, 한국사). A score is known from its entry on. The app overwrites a score
-- in place, so one edited after the cut-off is not the one that was known, and is left out.
with scores as (
    select
        id, student_id, tenant_id, subject_group_id, subject_id, grade, exam_date, exam_title, raw_score,
        standard_score, percentile, grade_score, created_at, updated_at,
        regexp_replace(exam_title, '\s', '', 'g') as title,
        row_number() over (
            partition by
                tenant_id, student_id, exam_date, regexp_replace(exam_title, '\s', '', 'g'), subject_id
            order by
                {{ is_known('created_at') }} and {{ is_known('updated_at') }} desc, updated_at desc nulls last, id
        ) as entry_number
    from {{ source('app', 'student_mock_scores') }}
)

select
    id as score_id,
    student_id,
    tenant_id,
    subject_group_id,
    subject_id,
    grade as school_year_level,
    exam_date,
    title as exam_title,
    case
        when title like '%평가원%' or title like '%모의평가%' then 'kice'
        when title like '%교육청%' or title like '%학력평가%' then 'education_office'
        when title like '%사설%' then 'private'
        when title like '%수능%' and title not like '%모의%' then 'csat'
        when title like '%대학수학능력시험%' then 'csat'
        else 'other'
    end as exam_provider,
    raw_score,
    standard_score,
    percentile,
    grade_score as rank_grade,
    coalesce(updated_at, created_at) as recorded_at,
    created_at as entered_at,
    case
        when not {{ is_known('created_at') }} or (created_at is null and exam_date >= {{ as_of_date() }})
            then 'recorded_after_cutoff'
        when not {{ is_known('updated_at') }} then 'edited_after_cutoff'
        when entry_number > 1 then 'duplicate'
        -- An exam is never sat long after its score was entered; handing in before a due day is.
        when exam_date > {{ kst_date('created_at') }} + {{ var('longest_lead_of_entry_days') }}
            then 'exam_long_after_entry'
        when
            raw_score not between 0 and 100 or standard_score not between 0 and 200 or percentile not between 0 and 100
            then 'score_out_of_range'
        when grade_score not between 1 and 9 then 'rank_grade_out_of_range'
    end as left_out_reason
from scores
