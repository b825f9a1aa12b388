{{ config(meta={'dagster': {'ref': {'name': 'fct_source_rows'}}}) }}
-- Conservation: the rows of each audited table are as many as those kept and left out together.
with sources as (
    select 'student_plan' as source_table, count(*) as row_count from {{ source('app', 'student_plan') }}
    union all
    select 'calendar_events', count(*) from {{ source('app', 'calendar_events') }}
    union all
    select 'student_study_sessions', count(*) from {{ source('app', 'student_study_sessions') }}
    union all
    select 'student_internal_scores', count(*) from {{ source('app', 'student_internal_scores') }}
    union all
    select 'student_mock_scores', count(*) from {{ source('app', 'student_mock_scores') }}
),

accounted as (
    select source_table, sum(row_count) as row_count
    from {{ ref('fct_source_rows') }}
    group by source_table
)

select
    sources.source_table,
    sources.row_count as rows_in,
    accounted.row_count as rows_accounted_for
from sources
left join accounted on sources.source_table = accounted.source_table
where sources.row_count <> coalesce(accounted.row_count, 0)
