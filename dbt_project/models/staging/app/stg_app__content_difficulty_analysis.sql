-- The newest analysis of a content that was known at the cut-off. Difficulty is 0 (easy) to 5.
select distinct on (content_id)
    content_id,
    content_type,
    overall_difficulty_score::double precision as difficulty_score,
    difficulty_confidence::double precision as difficulty_confidence_share,
    estimated_hours_per_unit::double precision as hours_per_unit
from {{ app_table('content_difficulty_analysis') }}
where {{ is_known('coalesce(analyzed_at, created_at)') }}
order by content_id asc, coalesce(analyzed_at, created_at) desc nulls last, id asc
