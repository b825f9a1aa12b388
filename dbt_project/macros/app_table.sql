{#- A table that the app may lack: itself where it exists, else no rows of its declared columns, so that every model
    that reads it still builds. `orchestration/raw_contract.py` says which are lacking before dbt starts. -#}
{% macro app_table(name, origin='app') -%}
    {%- set relation = source(origin, name) -%}
    {%- if not execute -%}
        {{ relation }}
    {%- else -%}
        {%- set declared = graph.sources.values() | selectattr('source_name', 'equalto', origin)
            | selectattr('name', 'equalto', name) | first -%}
        {%- if adapter.get_relation(target.database, declared.schema, declared.identifier) is not none -%}
            {{ relation }}
        {%- else -%}
            (
                select
                {%- for column in declared.columns.values() %}
                    null::{{ column.data_type }} as {{ column.name }}{{ "," if not loop.last }}
                {%- endfor %}
                where false
            ) as {{ name }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
