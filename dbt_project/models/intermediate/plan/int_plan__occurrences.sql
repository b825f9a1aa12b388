-- Every day on which a recurring study task comes up before the cut-off or in the seven days from it, by RFC 5545:
-- FREQ daily, weekly or monthly with INTERVAL, COUNT, UNTIL and BYDAY. Days excluded, moved or cancelled on their own
-- are not here; a moved one is an event of its own. A rule of any other form stands for its first day only
-- (`is_expanded` false).
with parents as (
    select
        event_id,
        event_date as first_date,
        coalesce(event_time, time '00:00') as event_time,
        exdates,
        rrule ~ (
            '^(RRULE:)?((FREQ=(DAILY|WEEKLY|MONTHLY)|INTERVAL=[1-9][0-9]{0,3}|COUNT=[1-9][0-9]{0,3}'
            || '|UNTIL=[0-9]{8}(T[0-9]{6}Z?)?|BYDAY=(MO|TU|WE|TH|FR|SA|SU)(,(MO|TU|WE|TH|FR|SA|SU))*|WKST=MO)(;|$))+$'
        )
        and rrule ~ 'FREQ=' and not rrule ~ 'MONTHLY.*BYDAY|BYDAY.*MONTHLY' as is_expanded,
        substring(rrule from 'FREQ=([A-Z]+)') as frequency,
        coalesce(substring(rrule from 'INTERVAL=([1-9][0-9]{0,3})')::integer, 1) as every,
        substring(rrule from 'COUNT=([1-9][0-9]{0,3})')::integer as occurrence_limit,
        string_to_array(substring(rrule from 'BYDAY=([A-Z,]+)'), ',') as weekdays,
        -- UNTIL is an instant in UTC, a time in Seoul, or a whole day in Seoul. It is compared as text: a day that no
        -- calendar has would not be read as a date.
        rpad(substring(rrule from 'UNTIL=([0-9]{8}(?:T[0-9]{6})?)'), 15, 'T235959') as last_at,
        case when rrule ~ 'UNTIL=[0-9]{8}T[0-9]{6}Z' then 'UTC' else 'Asia/Seoul' end as last_at_zone
    from {{ ref('stg_app__calendar_events') }}
    where (left_out_reason is null or is_upcoming) and rrule is not null
),

days as (
    select
        *,
        day_at::date as occurrence_date,
        row_number() over (partition by event_id order by day_at) as occurrence_number
    from parents
    cross join generate_series(first_date, {{ as_of_date() }} + 6, interval '1 day') as series (day_at)
    where
        day_at::date = first_date
        or (
            is_expanded
            and case frequency
                when 'DAILY' then (day_at::date - first_date) % every = 0
                when 'WEEKLY'
                    then
                        -- Weeks begin on Monday, by the standard's default.
                        (date_trunc('week', day_at)::date - date_trunc('week', first_date)::date) / 7 % every = 0
                        and (weekdays is not null or extract(dow from day_at) = extract(dow from first_date))
                when 'MONTHLY'
                    then
                        extract(day from day_at) = extract(day from first_date)
                        and (
                            extract(year from day_at) * 12 + extract(month from day_at)
                            - extract(year from first_date) * 12 - extract(month from first_date)
                        )::integer % every = 0
            end
            and coalesce(
                (array['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'])[extract(dow from day_at)::integer + 1]
                = any(weekdays),
                true
            )
        )
),

-- A day that was moved, cancelled or deleted on its own has an event of its own, even where that one no longer counts.
moved as (
    select distinct
        recurring_event_id as event_id,
        original_date as occurrence_date
    from {{ ref('stg_app__calendar_events') }}
    where recurring_event_id is not null and left_out_reason is distinct from 'recorded_after_cutoff'
)

select
    days.event_id,
    days.occurrence_date,
    days.occurrence_number,
    days.occurrence_number = min(days.occurrence_number) over (partition by days.event_id) as is_first,
    days.is_expanded
from days
left join moved on days.event_id = moved.event_id and days.occurrence_date = moved.occurrence_date
where
    moved.event_id is null
    and coalesce(days.occurrence_number <= days.occurrence_limit, true)
    and coalesce(
        to_char(
            (days.occurrence_date + days.event_time) at time zone 'Asia/Seoul' at time zone days.last_at_zone,
            'YYYYMMDD"T"HH24MISS'
        ) <= days.last_at,
        true
    )
    and days.occurrence_date <> all(coalesce(days.exdates, '{}'))
