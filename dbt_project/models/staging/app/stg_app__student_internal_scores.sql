-- 내신, all rows of the table; `left_out_reason` is null for those that count. `grade` is the school year, `rank_grade`
-- the achievement grade (1 best). The app overwrites a score in place, so one edited after the cut-off is not the one
-- that was known, and is left out.
with scores as (
    select
        score.id, score.student_id, score.tenant_id, score.student_term_id, score.subject_group_id, score.subject_id,
        score.curriculum_revision_id, score.grade, score.semester, score.raw_score, score.avg_score, score.std_dev,
        score.rank_grade, score.grade_system, score.class_rank, score.total_students, score.credit_hours,
        score.achievement_level, score.notes, score.created_at, score.updated_at,
        -- Per cent of the takers from the best down to the middle of the student's own level.
        case score.achievement_level
            when 'A' then score.achievement_ratio_a / 2
            when 'B' then score.achievement_ratio_a + score.achievement_ratio_b / 2
            when 'C' then score.achievement_ratio_a + score.achievement_ratio_b + score.achievement_ratio_c / 2
            when 'D' then 100 - coalesce(score.achievement_ratio_e, 0) - score.achievement_ratio_d / 2
            when 'E' then 100 - score.achievement_ratio_e / 2
        end as achievement_top_pct,
        coalesce(
            case when score.grade_system in (5, 9) then score.grade_system end,
            case when revision.curriculum_revision_year >= 2022 then 5 else 9 end
        ) as rank_grade_levels,
        -- The app's unique key is not live everywhere: the newest entry of a subject and term counts.
        row_number() over (
            partition by score.tenant_id, score.student_id, score.grade, score.semester, score.subject_id
            order by
                {{ is_known('score.created_at') }} and {{ is_known('score.updated_at') }} desc,
                score.updated_at desc nulls last, score.id
        ) as entry_number
    from {{ source('app', 'student_internal_scores') }} as score
    left join {{ ref('stg_app__curriculum_revisions') }} as revision
        on score.curriculum_revision_id = revision.curriculum_revision_id
)

select
    id as score_id,
    student_id,
    tenant_id,
    student_term_id,
    subject_group_id,
    subject_id,
    curriculum_revision_id,
    grade as school_year_level,
    semester,
    raw_score,
    avg_score,
    std_dev,
    rank_grade,
    rank_grade_levels,
    class_rank,
    total_students,
    credit_hours,
    achievement_level,
    achievement_top_pct,
    coalesce(updated_at, created_at) as recorded_at,
    created_at as entered_at,
    case
        when not {{ is_known('created_at') }} then 'recorded_after_cutoff'
        when not {{ is_known('updated_at') }} then 'edited_after_cutoff'
        when notes like '%더미%' then 'synthetic'
        when entry_number > 1 then 'duplicate'
        when
            raw_score not between 0 and 100 or avg_score not between 0 and 100 or std_dev < 0
            or achievement_top_pct not between 0 and 100
            then 'score_out_of_range'
        when rank_grade not between 1 and rank_grade_levels then 'rank_grade_out_of_range'
        when class_rank < 1 or total_students < 1 or class_rank > total_students then 'rank_out_of_range'
    end as left_out_reason
from scores
