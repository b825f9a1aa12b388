-- What became of what was recommended. Grain: student and content, as it first stood among the student's first ten.
-- Who would have planned it anyway is not known from here: compare with `is_holdout`, students who get the list of
-- their year instead.
with shown as (
    select
        *,
        {{ kst_date('shown_at') }} as shown_date,
        {{ as_of_date() }} - {{ kst_date('shown_at') }} as observed_days
    from {{ ref('stg_serving__first_shown') }}
)

select
    shown.student_id,
    shown.tenant_id,
    shown.content_id,
    shown.content_type,
    shown.subject_group,
    shown.rank,
    shown.score,
    shown.reason_codes,
    shown.source,
    shown.source = 'holdout' as is_holdout,
    shown.model_version,
    shown.shown_date,
    shown.observed_days,
    pair.first_planned_date,
    pair.first_done_date,
    -- Unknown, not false, while the window is still open.
    case
        when pair.first_planned_date - shown.shown_date <= {{ var('adoption_days') }} then true
        when shown.observed_days > {{ var('adoption_days') }} then false
    end as is_adopted,
    case
        when pair.first_done_date - shown.shown_date <= {{ var('adoption_days') }} then true
        when shown.observed_days > {{ var('adoption_days') }} then false
    end as is_started,
    coalesce(pair.planned_count, 0) as planned_count,
    coalesce(pair.done_count, 0) as done_count
from shown
left join {{ ref('feat_student_content__interactions') }} as pair
    on
        shown.student_id = pair.student_id
        and shown.content_id = pair.content_id
        and least(pair.first_planned_date, pair.first_done_date) >= shown.shown_date
