select
    id as book_detail_id,
    book_id,
    page_number,
    display_order
from {{ app_table('book_details') }}
where {{ is_known('created_at') }}
