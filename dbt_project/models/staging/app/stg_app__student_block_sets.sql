select
    id as block_set_id,
    student_id
from {{ app_table('student_block_sets') }}
where {{ is_known('created_at') }}
