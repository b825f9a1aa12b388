{#- Calendar day in Seoul of a timestamptz: the product's days are Korean days. -#}
{% macro kst_date(at) -%}
    ({{ at }} at time zone 'Asia/Seoul')::date
{%- endmacro %}

{#- Free text as a join key: subject groups and subjects are typed by hand in plans, contents and goals. -#}
{% macro normalised(name) -%}
    nullif(lower(trim({{ name }})), '')
{%- endmacro %}

{#- Year of a curriculum revision from its label: '2015개정' and '2022 개정' are both in use. -#}
{% macro revision_year(label) -%}
    substring({{ label }} from '20\d\d')::integer
{%- endmacro %}

{#- One ladder for the labels of books and lectures (개념 < 기본 < 심화 < 최상) and of customs (하 < 중 < 상). Unknown stays null. -#}
{% macro difficulty_rank(label) -%}
    case trim({{ label }})
        when '개념' then 1 when '기초' then 1 when '하' then 1
        when '기본' then 2 when '중' then 2
        when '심화' then 3 when '상' then 3
        when '최상' then 4
    end
{%- endmacro %}
