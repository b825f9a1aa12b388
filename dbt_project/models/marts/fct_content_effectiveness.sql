-- How reliably students get through a content. The interval is Wilson's, at 95 %, over plan items.
with counted as (
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
        done_count::double precision / nullif(planned_count, 0) as completion_share,
        1.96::double precision as z
    from {{ ref('feat_content__catalogue') }}
    where planned_count > 0
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
    greatest(0, (
        completion_share + z * z / (2 * planned_count)
        - z * sqrt((completion_share * (1 - completion_share) + z * z / (4 * planned_count)) / planned_count)
    ) / (1 + z * z / planned_count)) as completion_share_low,
    least(1, (
        completion_share + z * z / (2 * planned_count)
        + z * sqrt((completion_share * (1 - completion_share) + z * z / (4 * planned_count)) / planned_count)
    ) / (1 + z * z / planned_count)) as completion_share_high
from counted
