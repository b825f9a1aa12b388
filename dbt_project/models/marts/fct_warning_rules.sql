-- How each rule of warnings did in an academy, by the month in which its warnings were raised.
select
    tenant_id,
    warning_type,
    to_char(detected_date, 'YYYY-MM') as month,
    count(*)::integer as raised_count,
    count(resolved_date)::integer as resolved_count,
    count(*) filter (where is_acknowledged)::integer as acknowledged_count,
    count(*) filter (where is_acted_on)::integer as acted_on_count,
    count(*) filter (where is_dismissed)::integer as dismissed_count,
    percentile_cont(0.5) within group (order by days_open) filter (where resolved_date is not null) as days_open_p50
from {{ ref('fct_warning_outcomes') }}
group by 1, 2, 3
