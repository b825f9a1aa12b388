-- One row per day: weekday, school year, and the exams that its season is usually about.
with bounds as (
    select
        least(
            date '2015-01-01',
            (select min(plan_date) from {{ ref('int_plan__items') }}),
            (select min(session_date) from {{ ref('int_study__sessions') }}),
            (select min(exam_date) from {{ ref('int_score__results') }})
        ) as first_day,
        -- A year and a month ahead: the days of goals and exams of the coming school year.
        {{ as_of_date() }} + 400 as last_day
),

days as (
    select
        series.day_at::date as date_day,
        to_char(series.day_at, 'MMDD') as month_and_day,
        extract(year from series.day_at)::integer as year,
        extract(month from series.day_at)::smallint as month,
        extract(dow from series.day_at)::smallint as weekday
    from bounds
    cross join generate_series(first_day, last_day, interval '1 day') as series (day_at)
),

years as (
    select year
    from days
    union
    select max(year) + 1
    from days
),

-- The third Thursday of November lies between the 15th and the 21st.
csat_days as (
    select
        year,
        make_date(year, 11, 15) + (11 - extract(dow from make_date(year, 11, 15))::integer) % 7 as csat_date
    from years
)

select
    days.date_day,
    days.weekday,
    (array['일요일', '월요일', '화요일', '수요일', '목요일', '금요일', '토요일'])[days.weekday + 1] as weekday_name,
    date_trunc('week', days.date_day)::date as week_start_date,
    days.month,
    {{ school_year_of('days.date_day') }} as school_year,
    case when days.month between 3 and 8 then 1 else 2 end::smallint as semester,
    days.weekday in (0, 6) as is_weekend,
    -- A school's own exams come first: they are shorter, and students study for them.
    case
        when days.month_and_day between '0420' and '0507' or days.month_and_day between '1001' and '1015' then 'midterm'
        when days.month_and_day between '0625' and '0708' or days.month_and_day between '1201' and '1215' then 'final'
        when days.month in (3, 5, 7, 10) then 'education_office'
        when days.month in (6, 9) then 'kice'
        when days.month = 11 and days.date_day <= csat.csat_date then 'csat'
    end as exam_season,
    case when days.date_day <= csat.csat_date then csat.csat_date else next_csat.csat_date end - days.date_day
        as days_to_csat
from days
inner join csat_days as csat on days.year = csat.year
inner join csat_days as next_csat on days.year + 1 = next_csat.year
