{{ config(materialized='view') }}
select
    session_id,
    student_id,
    tenant_id,
    plan_id,
    content_id,
    subject_group,
    started_at,
    ended_at,
    session_date,
    start_hour,
    net_seconds,
    length_basis
from {{ ref('int_study__sessions') }}
