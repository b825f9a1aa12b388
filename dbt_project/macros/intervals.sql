{#- Bounds of Wilson's 95 % interval of a share of `count` things, within 0 to 1. -#}
{% macro wilson_low(share, count) -%}
    greatest(0, {{ _wilson(share, count, '-') }})
{%- endmacro %}

{% macro wilson_high(share, count) -%}
    least(1, {{ _wilson(share, count, '+') }})
{%- endmacro %}

{% macro _wilson(share, count, sign) -%}
    {%- set z = '1.96::double precision' -%}
    (
        {{ share }} + {{ z }} * {{ z }} / (2 * {{ count }})
        {{ sign }} {{ z }} * sqrt(
            ({{ share }} * (1 - {{ share }}) + {{ z }} * {{ z }} / (4 * {{ count }})) / {{ count }}
        )
    ) / (1 + {{ z }} * {{ z }} / {{ count }})
{%- endmacro %}
