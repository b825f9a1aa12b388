{% test is_before_cutoff(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} >= {{ as_of_date() }}
{% endtest %}
