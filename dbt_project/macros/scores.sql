{#- The scales of Korean scores, all turned into one percentile: 0 to 100, higher better. -#}

{#- Upper ends of the 등급, as cumulative per cent from the best: nine grades (2009 and 2015 curricula) or five (2022). -#}
{% macro rank_grade_bounds(levels) -%}
    {{ return({9: [4, 11, 23, 40, 60, 77, 89, 96, 100], 5: [10, 34, 66, 90, 100]}[levels]) }}
{%- endmacro %}

{#- Percentile at the middle of a 등급's band; null for a grade that the scale does not have. -#}
{% macro percentile_of_rank_grade(rank_grade, levels) -%}
    case {{ rank_grade }}
    {%- set below = namespace(bound=0) -%}
    {%- for bound in rank_grade_bounds(levels) %}
        when {{ loop.index }} then {{ 100 - (below.bound + bound) / 2 }}
        {%- set below.bound = bound -%}
    {%- endfor %}
    end
{%- endmacro %}

{#- Percentile of a place among `total`, at the middle of the place: first of ten is 95, not 100. -#}
{% macro percentile_of_rank(class_rank, total) -%}
    100 * (1 - ({{ class_rank }} - 0.5::double precision) / {{ total }})
{%- endmacro %}

{#- Percentile of a standard normal z, by Abramowitz and Stegun 26.2.17 (error below 1e-5 points). Postgres 15 has no
    erf. -#}
{% macro percentile_of_z(z) -%}
    (
        select 50 + sign(normal.z) * (50 - 100 * normal.density * normal.t * (
            0.319381530 + normal.t * (-0.356563782 + normal.t * (
                1.781477937 + normal.t * (-1.821255978 + normal.t * 1.330274429)
            ))
        ))
        from (
            select
                given.z,
                1 / (1 + 0.2316419 * abs(given.z)) as t,
                exp(-given.z * given.z / 2) / sqrt(2 * pi()) as density
            -- Beyond eight deviations the density underflows and the percentile is 0 or 100 anyway.
            from (select greatest(-8, least(8, ({{ z }})::double precision)) as z) as given
        ) as normal
        where normal.z is not null
    )
{%- endmacro %}

{#- 등급 of five on the scale of nine, by the app's representative values (A 2, B 3, C 5, D 7, E 9). -#}
{% macro grade_9(rank_grade, levels) -%}
    case
        when {{ levels }} = 9 then {{ rank_grade }}
        else (array[2, 3, 5, 7, 9])[{{ rank_grade }}]
    end
{%- endmacro %}

{#- School year (학년도) of a day: March to February. -#}
{% macro school_year_of(day) -%}
    extract(year from {{ day }} - interval '2 months')::integer
{%- endmacro %}

{#- First day of the school year that a day lies in. -#}
{% macro school_year_start(day) -%}
    make_date({{ school_year_of(day) }}, 3, 1)
{%- endmacro %}

{#- Day on which a term's school scores are usually known, after its finals: 10 July and 15 December. -#}
{% macro term_score_date(school_year, semester) -%}
    case {{ semester }} when 1 then make_date({{ school_year }}, 7, 10) else make_date({{ school_year }}, 12, 15) end
{%- endmacro %}
