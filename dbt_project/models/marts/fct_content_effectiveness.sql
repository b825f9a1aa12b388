-- How reliably students get through a content, and whether later scores rise more than those of similar students.
-- The interval of completion is Wilson's over plan items; that of the gain is the stratified difference of two means.
-- Both are at 95 %.
with gains as (
    select
        gain.student_id,
        gain.subject_group,
        gain.exam_kind,
        gain.from_date,
        gain.to_date,
        gain.gain,
        least(floor(gain.from_percentile / 20), 4)::integer as percentile_band,
        -- Half-years begin in March and September, so that the two terms of a school year are kept apart.
        (extract(year from gain.to_date) * 12 + extract(month from gain.to_date) - 3)::integer / 6 as half_year
    from {{ ref('int_score__gains') }} as gain
    inner join {{ ref('feat_student__profile') }} as profile on gain.student_id = profile.student_id
    where not profile.is_synthetic
),

-- Several gains of one student are not independent: a student counts once in a stratum, with their mean.
student_gains as (
    select
        student_id,
        subject_group,
        exam_kind,
        percentile_band,
        half_year,
        avg(gain) as gain
    from gains
    group by student_id, subject_group, exam_kind, percentile_band, half_year
),

strata as (
    select
        subject_group,
        exam_kind,
        percentile_band,
        half_year,
        count(*) as student_count,
        sum(gain) as gain_sum,
        sum(gain * gain) as gain_square_sum
    from student_gains
    group by subject_group, exam_kind, percentile_band, half_year
),

done as (
    select
        item.student_id,
        item.content_id,
        content.subject_group,
        item.completed_date
    from {{ ref('int_plan__items') }} as item
    inner join {{ ref('feat_content__catalogue') }} as content on item.content_id = content.content_id
    where item.is_completed and content.subject_group is not null
),

exposed_gains as (
    select distinct
        done.content_id,
        gains.*
    from done
    inner join gains
        on
            done.student_id = gains.student_id
            and done.subject_group = gains.subject_group
            and done.completed_date > gains.from_date
            and done.completed_date <= gains.to_date
),

exposed_students as (
    select
        content_id,
        student_id,
        subject_group,
        exam_kind,
        percentile_band,
        half_year,
        avg(gain) as gain
    from exposed_gains
    group by content_id, student_id, subject_group, exam_kind, percentile_band, half_year
),

exposed_strata as (
    select
        exposed.content_id,
        subject_group,
        exam_kind,
        percentile_band,
        half_year,
        count(*) as student_count,
        sum(exposed.gain) as gain_sum,
        sum(exposed.gain * exposed.gain) as gain_square_sum,
        -- What the same students put into the stratum's totals, their other gains included.
        sum(everyone.gain) as gain_sum_in_stratum,
        sum(everyone.gain * everyone.gain) as gain_square_sum_in_stratum
    from exposed_students as exposed
    inner join student_gains as everyone
        using (student_id, subject_group, exam_kind, percentile_band, half_year)
    group by exposed.content_id, subject_group, exam_kind, percentile_band, half_year
),

-- The unexposed are everyone in the stratum less the exposed: a content need not meet the students who left it alone.
compared_strata as (
    select
        exposed.content_id,
        subject_group,
        exam_kind,
        percentile_band,
        half_year,
        exposed.student_count as exposed_count,
        strata.student_count - exposed.student_count as unexposed_count,
        exposed.gain_sum as exposed_sum,
        exposed.gain_square_sum as exposed_square_sum,
        strata.gain_sum - exposed.gain_sum_in_stratum as unexposed_sum,
        strata.gain_square_sum - exposed.gain_square_sum_in_stratum as unexposed_square_sum
    from exposed_strata as exposed
    inner join strata using (subject_group, exam_kind, percentile_band, half_year)
    where strata.student_count > exposed.student_count
),

exposed_counts as (
    select
        exposed.content_id,
        count(distinct exposed.student_id) as student_count
    from exposed_students as exposed
    inner join compared_strata using (content_id, subject_group, exam_kind, percentile_band, half_year)
    group by exposed.content_id
),

-- Strata weigh by their exposed. One variance for all strata: many hold a single exposed student, who has none.
estimates as (
    select
        content_id,
        sum(unexposed_count) as unexposed_count,
        sum(exposed_sum - exposed_count * unexposed_sum / unexposed_count) / sum(exposed_count) as difference,
        sqrt(
            -- Sums of squares around the means; differences of sums may fall just below zero.
            sum(
                greatest(0, exposed_square_sum - exposed_sum * exposed_sum / exposed_count)
                + greatest(0, unexposed_square_sum - unexposed_sum * unexposed_sum / unexposed_count)
            )
            / nullif(sum(exposed_count + unexposed_count - 2), 0)
            * sum(exposed_count + exposed_count::double precision * exposed_count / unexposed_count)
        ) / sum(exposed_count) as standard_error
    from compared_strata
    group by content_id
),

counted as (
    select
        content.*,
        content.done_count::double precision / content.planned_count as completion_share,
        coalesce(exposed_counts.student_count, 0)::integer as exposed_student_count,
        coalesce(estimates.unexposed_count, 0)::integer as compared_student_count,
        estimates.standard_error,
        case
            when exposed_counts.student_count >= {{ var('gain_min_students') }}
                and estimates.unexposed_count >= {{ var('gain_min_students') }}
                then estimates.difference
        end as gain_difference,
        1.96::double precision as z
    from {{ ref('feat_content__catalogue') }} as content
    left join exposed_counts on content.content_id = exposed_counts.content_id
    left join estimates on content.content_id = estimates.content_id
    where content.planned_count > 0
)

select
    content_id,
    content_type,
    subject_group,
    subject,
    difficulty_level,
    student_count,
    done_student_count,
    planned_count,
    done_count,
    completion_share,
    {{ wilson_low('completion_share', 'planned_count') }} as completion_share_low,
    {{ wilson_high('completion_share', 'planned_count') }} as completion_share_high,
    exposed_student_count,
    compared_student_count,
    gain_difference,
    gain_difference - z * standard_error as gain_difference_low,
    gain_difference + z * standard_error as gain_difference_high
from counted
