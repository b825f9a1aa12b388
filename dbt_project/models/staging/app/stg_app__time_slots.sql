-- An academy's periods of the day (교시), in Seoul's time.
select
    id as time_slot_id,
    tenant_id,
    slot_order,
    slot_type,
    start_time,
    end_time
from {{ app_table('time_slots') }}
where {{ is_known('created_at') }} and is_active is not false
