-- Grain: cohort, that is academy (null for all of them) × school type × school year × subject group × kind of exam.
-- Quantiles and no means: of a mean over all academies the others' could be had by subtracting one's own.
with students as (
    select
        profile.tenant_id,
        profile.school_type,
        profile.school_year_level,
        scores.subject_group,
        scores.exam_kind,
        scores.recent_percentile,
        activity.net_84d_seconds / (12 * 60.0::double precision) as weekly_minutes,
        activity.completion_84d_share
    from {{ ref('feat_student_subject__scores') }} as scores
    inner join {{ ref('feat_student__profile') }} as profile on scores.student_id = profile.student_id
    left join {{ ref('feat_student_subject__activity') }} as activity
        on scores.student_id = activity.student_id and scores.subject_group = activity.subject_group
    where
        not profile.is_withdrawn and not profile.is_synthetic
        and profile.school_type is not null and profile.school_year_level is not null
),

cohorts as (
    select
        tenant_id,
        school_type,
        school_year_level,
        subject_group,
        exam_kind,
        count(*)::integer as student_count,
        percentile_cont(0.25) within group (order by recent_percentile) as percentile_p25,
        percentile_cont(0.5) within group (order by recent_percentile) as percentile_p50,
        percentile_cont(0.75) within group (order by recent_percentile) as percentile_p75,
        count(weekly_minutes)::integer as timed_student_count,
        percentile_cont(0.5) within group (order by weekly_minutes) as weekly_minutes_p50,
        count(completion_84d_share) as planning_student_count,
        percentile_cont(0.5) within group (order by completion_84d_share) as completion_84d_share_p50
    from students
    group by school_type, school_year_level, subject_group, exam_kind, rollup (tenant_id)
    having count(*) >= {{ var('cohort_min_students') }}
)

select
    tenant_id,
    school_type,
    school_year_level,
    subject_group,
    exam_kind,
    student_count,
    percentile_p25,
    percentile_p50,
    percentile_p75,
    timed_student_count,
    case when timed_student_count >= {{ var('cohort_min_students') }} then weekly_minutes_p50 end as weekly_minutes_p50,
    case when planning_student_count >= {{ var('cohort_min_students') }} then completion_84d_share_p50 end
        as completion_84d_share_p50
from cohorts
