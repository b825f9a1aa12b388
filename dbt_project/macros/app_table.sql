{#- A table that the database may lack: itself where it exists, else no rows of its declared columns, so that every model
    that reads it still builds. `orchestration/raw_contract.py` says which of the app's are lacking before dbt starts, and
    refuses one that lacks a column. Of the others, one that lacks a column waits for its migration, which the run applies
    when it publishes: until then there can be no rows to read in it. -#}
{% macro app_table(name, origin='app') -%}
    {%- set relation = source(origin, name) -%}
    {%- if not execute -%}
        {{ relation }}
    {%- else -%}
        {%- set declared = graph.sources.values() | selectattr('source_name', 'equalto', origin)
            | selectattr('name', 'equalto', name) | first -%}
        {%- set found = adapter.get_relation(target.database, declared.schema, declared.identifier) -%}
        {%- set lacking = [] -%}
        {%- if found is not none and origin != 'app' -%}
            {%- set columns = adapter.get_columns_in_relation(found) | map(attribute='name') | list -%}
            {%- do lacking.extend(declared.columns | reject('in', columns)) -%}
        {%- endif -%}
        {%- if found is not none and not lacking -%}
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
