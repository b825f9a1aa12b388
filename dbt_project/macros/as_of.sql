{#- The cut-off of the run: one row that the run writes before dbt starts, so that a new cut-off costs no re-parse. -#}

{% macro as_of_at() -%}
    (select cutoff.as_of_at from {{ source('control', 'cutoff') }} as cutoff)
{%- endmacro %}

{% macro as_of_date() -%}
    (select cutoff.as_of_date from {{ source('control', 'cutoff') }} as cutoff)
{%- endmacro %}

{#- True where a row was recorded before the cut-off. A row without a time of recording has always been known. -#}
{% macro is_known(recorded_at) -%}
    coalesce({{ recorded_at }} < {{ as_of_at() }}, true)
{%- endmacro %}

{#- True where something happened before the cut-off; never (null) is not before. -#}
{% macro has_happened(happened_at) -%}
    coalesce({{ happened_at }} < {{ as_of_at() }}, false)
{%- endmacro %}
