{{ config(materialized='table') }}
-- Every score that counts, 내신 and 모의고사, on one scale: the percentile, 0 to 100, higher better, with the conversion
-- that was used. Of several conversions the one nearest to the student's own place wins: a rank, then a score against
-- the mean and deviation, then the middle of a 등급 or of an achievement level.
with internal_scores as (
    select
        score.*,
        -- Without a term: the year in which a student of today's level was on the score's level, never after its entry.
        coalesce(
            term.school_year,
            least(
                {{ school_year_of('score.entered_at at time zone \'Asia/Seoul\'') }},
                {{ school_year_of(as_of_date()) }} - (student.school_year_level - score.school_year_level)
            )
        ) as school_year,
        (score.raw_score - score.avg_score) / nullif(score.std_dev, 0) as z_score
    from {{ ref('stg_app__student_internal_scores') }} as score
    inner join {{ ref('stg_app__students') }} as student on score.student_id = student.student_id
    left join {{ ref('stg_app__student_terms') }} as term on score.student_term_id = term.student_term_id
    where score.left_out_reason is null
),

mock_scores as (
    select
        score.*,
        groups.subject_group in ('영어', '한국사') as is_graded_absolutely,
        -- 표준점수: mean 100 and deviation 20 in 국어 and 수학, 50 and 10 elsewhere.
        case when groups.subject_group in ('국어', '수학') then 100 else 50 end as standard_mean,
        case when groups.subject_group in ('국어', '수학') then 20 else 10 end as standard_deviation,
        count(score.raw_score) over exam >= {{ var('least_scores_of_an_exam') }} as is_exam_large,
        (score.raw_score - avg(score.raw_score) over exam) / nullif(stddev_pop(score.raw_score) over exam, 0)
            as z_among_ours
    from {{ ref('stg_app__student_mock_scores') }} as score
    inner join {{ ref('stg_app__students') }} as student on score.student_id = student.student_id
    left join {{ ref('int_subject__groups') }} as groups on score.subject_group_id = groups.subject_group_id
    where score.left_out_reason is null
    window exam as (partition by score.exam_date, score.exam_title, score.subject_id)
),

scores as (
    select
        score_id,
        student_id,
        tenant_id,
        'internal' as exam_kind,
        'school' as exam_provider,
        'school' as exam_type,
        {{ term_score_date('school_year', 'semester') }} as scheduled_date,
        -- What has always been known was sat before the cut-off.
        least(
            {{ term_score_date('school_year', 'semester') }},
            coalesce({{ kst_date('entered_at') }}, {{ as_of_date() }} - 1)
        ) as exam_date,
        school_year,
        semester,
        school_year_level,
        subject_group_id,
        subject_id,
        curriculum_revision_id,
        raw_score,
        avg_score,
        std_dev,
        rank_grade,
        rank_grade_levels,
        {{ grade_9('rank_grade', 'rank_grade_levels') }} as grade_9,
        null::numeric as standard_score,
        class_rank,
        total_students,
        credit_hours,
        z_score,
        case
            when class_rank is not null and total_students is not null then 'class_rank'
            when z_score is not null then 'raw_score'
            when rank_grade is not null then 'rank_grade_' || rank_grade_levels
            when achievement_top_pct is not null then 'achievement_level'
        end as percentile_basis,
        case
            when class_rank is not null and total_students is not null
                then {{ percentile_of_rank('class_rank', 'total_students') }}
            when z_score is not null then {{ percentile_of_z('z_score') }}
            when rank_grade_levels = 5 then {{ percentile_of_rank_grade('rank_grade', 5) }}
            when rank_grade is not null then {{ percentile_of_rank_grade('rank_grade', 9) }}
            else 100 - achievement_top_pct
        end as percentile,
        recorded_at
    from internal_scores
    union all
    select
        score_id,
        student_id,
        tenant_id,
        'mock',
        exam_provider,
        -- Exams of one type are alike. Of a title that names nobody, what stays from year to year, without number and
        -- 학년도: as a code, since what people type goes no further than staging.
        case
            when exam_provider <> 'other' then exam_provider
            else coalesce(
                    'title_'
                    || left(md5(nullif(lower(regexp_replace(exam_title, '\d+(학년도)?', '', 'g')), '')), 8),
                    'other'
                )
        end,
        exam_date,
        least(exam_date, {{ kst_date('entered_at') }}),
        {{ school_year_of('exam_date') }},
        case when extract(month from exam_date) between 3 and 8 then 1 else 2 end,
        school_year_level,
        subject_group_id,
        subject_id,
        null,
        raw_score,
        null,
        null,
        rank_grade,
        9,
        {{ grade_9('rank_grade', 9) }},
        standard_score,
        null,
        null,
        null,
        null,
        case
            when percentile is not null then 'percentile'
            when standard_score is not null then 'standard_score'
            when rank_grade is not null and is_graded_absolutely then 'absolute_grade'
            when rank_grade is not null then 'rank_grade_9'
            when is_exam_large and z_among_ours is not null then 'raw_score_among_ours'
        end,
        case
            when percentile is not null then percentile
            when standard_score is not null
                then {{ percentile_of_z('(standard_score - standard_mean) / standard_deviation') }}
            when rank_grade is not null then {{ percentile_of_rank_grade('rank_grade', 9) }}
            when is_exam_large then {{ percentile_of_z('z_among_ours') }}
        end,
        recorded_at
    from mock_scores
)

select
    scores.score_id,
    scores.student_id,
    scores.tenant_id,
    scores.exam_kind,
    scores.exam_provider,
    scores.exam_type,
    -- A term of no known year has no day of its own.
    coalesce(scores.scheduled_date, scores.exam_date) as scheduled_date,
    scores.exam_date,
    scores.school_year,
    scores.semester,
    scores.school_year_level,
    coalesce(group_of_subject.subject_group, groups.subject_group) as subject_group,
    scores.subject_id,
    subject.subject,
    revision.curriculum_revision_year,
    scores.raw_score,
    scores.avg_score,
    scores.std_dev,
    scores.rank_grade,
    scores.rank_grade_levels,
    scores.grade_9,
    scores.standard_score,
    scores.class_rank,
    scores.total_students,
    scores.credit_hours,
    scores.z_score,
    scores.percentile::double precision as percentile,
    scores.percentile_basis,
    scores.recorded_at
from scores
inner join {{ ref('stg_app__subjects') }} as subject on scores.subject_id = subject.subject_id
inner join {{ ref('int_subject__groups') }} as group_of_subject
    on subject.subject_group_id = group_of_subject.subject_group_id
left join {{ ref('int_subject__groups') }} as groups on scores.subject_group_id = groups.subject_group_id
left join {{ ref('stg_app__curriculum_revisions') }} as revision
    on scores.curriculum_revision_id = revision.curriculum_revision_id
