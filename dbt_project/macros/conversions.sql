{#- Calendar day in Seoul of a timestamptz: the product's days are Korean days. -#}
{% macro kst_date(at) -%}
    ({{ at }} at time zone 'Asia/Seoul')::date
{%- endmacro %}

{#- Monday of the week that a day lies in, counted from a Monday: date_trunc would turn every day into a time stamp. -#}
{% macro week_start(day) -%}
    ({{ day }} - ({{ day }} - date '1900-01-01') % 7)
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

{#- Length of a lecture's episode in seconds. The app stores seconds, while its DDL says minutes; a value that would be
    more than ten hours of minutes is read as seconds, a smaller one as minutes, and nothing as unknown. -#}
{% macro episode_seconds(duration) -%}
    case
        when {{ duration }} > 600 then {{ duration }}
        when {{ duration }} > 0 then {{ duration }} * 60
    end
{%- endmacro %}

{#- The app's dummy contents: 비학습 is no study at all, 자율학습 counts as time but not as a promise. -#}
{% macro unscheduled_content() -%}
    '00000000-0000-0000-0000-000000000000'::uuid
{%- endmacro %}
{% macro self_study_content() -%}
    '00000000-0000-0000-0000-000000000001'::uuid
{%- endmacro %}

{#- A normalised text without its spaces: '화법과 작문' and '화법과작문' are one subject. -#}
{% macro without_spaces(text) -%}
    replace({{ text }}, ' ', '')
{%- endmacro %}

{#- Pages, episodes or units from the first to the last, both inclusive. A range that runs backwards, or is longer than
    any content, is unknown. -#}
{% macro units_between(first, last) -%}
    case when {{ last }}::bigint - {{ first }} between 0 and 99999 then {{ last }} - {{ first }} + 1 end
{%- endmacro %}

{#- Which volume of its series a title names at its end: '… 2권', '… (하)', '… Ⅱ', '공통수학2'. A year is none. -#}
{% macro volume_number(title) -%}
    coalesce(
        substring({{ title }} from '(?<![0-9])([0-9]{1,2})\s*(?:권|강좌|부|편|탄|단계)?\s*$')::integer,
        case substring({{ title }} from '[\s(](상|하)[)]?\s*권?\s*$') when '상' then 1 when '하' then 2 end,
        array_position(array['Ⅰ', 'Ⅱ', 'Ⅲ'], substring({{ title }} from '(Ⅰ|Ⅱ|Ⅲ)\s*$'))
    )
{%- endmacro %}

{#- A title without its volume: what all volumes of a series are called. -#}
{% macro title_stem(title) -%}
    nullif(trim(lower(regexp_replace(
        {{ title }},
        '(?:(?<![0-9])[0-9]{1,2}\s*(?:권|강좌|부|편|탄|단계)?|[\s(](?:상|하)[)]?\s*권?|Ⅰ|Ⅱ|Ⅲ)\s*$', ''
    ))), '')
{%- endmacro %}
