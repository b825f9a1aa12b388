-- What became of each warning: how long it was open, and what staff said of it. Several acts of staff on one warning
-- are told by the first, which is how soon they saw it, and the last, which is their verdict.
{%- set acting = var('acting_verdicts') | join("', '") %}
with acts as (
    select
        warning_id,
        tenant_id,
        (array_agg(action_type order by action_at, action_id))[1] as first_verdict,
        min(action_date) as first_verdict_date,
        (array_agg(action_type order by action_at desc, action_id desc))[1] as last_verdict,
        bool_or(action_type = 'acknowledged') as is_acknowledged,
        bool_or(action_type in ('{{ acting }}')) as is_acted_on,
        bool_or(action_type = 'dismissed') as is_dismissed
    from {{ ref('stg_published__warning_actions') }}
    group by warning_id, tenant_id
),

warnings as (
    select
        *,
        {{ kst_date('resolved_at') }} as resolved_date
    from {{ ref('stg_published__early_warnings') }}
)

select
    warnings.warning_id,
    warnings.tenant_id,
    warnings.student_id,
    warnings.warning_type,
    warnings.subject,
    warnings.severity,
    warnings.detected_date,
    warnings.resolved_date,
    coalesce(warnings.resolved_date, {{ as_of_date() }}) - warnings.detected_date as days_open,
    warnings.probability,
    acts.first_verdict,
    acts.first_verdict_date,
    acts.last_verdict,
    coalesce(acts.is_acknowledged, false) as is_acknowledged,
    coalesce(acts.is_acted_on, false) as is_acted_on,
    coalesce(acts.is_dismissed, false) as is_dismissed,
    warnings.model_version
from warnings
left join acts on warnings.warning_id = acts.warning_id and warnings.tenant_id = acts.tenant_id
