-- Whether what was published as likely came as often as was said: tenths of the predictions of a type, from the least
-- likely. A prediction that was repeated from day to day counts each time.
with rated as (
    select
        prediction_type,
        prediction_score,
        actual_outcome,
        ntile(10) over (
            partition by prediction_type
            order by prediction_score, prediction_date, student_id
        ) as decile
    from {{ ref('fct_prediction_outcomes') }}
    where actual_outcome is not null
)

select
    prediction_type,
    decile::smallint as decile,
    count(*)::integer as prediction_count,
    avg(prediction_score) as mean_prediction_score,
    avg(actual_outcome) as mean_actual_outcome
from rated
group by prediction_type, decile
