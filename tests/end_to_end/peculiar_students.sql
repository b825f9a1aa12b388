-- Students that a generated academy lacks, in the second year of a high school of its two largest academies. Every date
-- is counted from %(as_of)s, the cut-off that they are looked at from. Run once, before the first run.
create temp table newcomer (name text, id uuid, academy integer) on commit drop;
insert into newcomer (name, id, academy) values
    ('one plan', '00000000-0000-4000-8000-000000000001', 1),
    ('ten years of plans', '00000000-0000-4000-8000-000000000002', 1),
    ('checkboxes alone', '00000000-0000-4000-8000-000000000003', 1),
    ('in one academy', '00000000-0000-4000-8000-000000000004', 1),
    ('and in another', '00000000-0000-4000-8000-000000000005', 2),
    ('back after a year', '00000000-0000-4000-8000-000000000006', 1),
    ('no plan at all', '00000000-0000-4000-8000-000000000007', 1);

create temp table place on commit drop as
select tenant_id, row_number() over (order by count(*) desc, tenant_id) as academy from students group by tenant_id;

-- Whoever is in two academies is two of the app's users with one name and one phone.
insert into user_profiles (id, tenant_id, role, name, phone, email, created_at, updated_at)
select n.id, p.tenant_id, 'student', '홍길동', '010-0000-0042', n.id || '@example.com', t.at, t.at
from newcomer as n inner join place as p using (academy)
cross join (select (%(as_of)s - 4000)::timestamptz as at) as t;
insert into students (id, tenant_id, grade, school_type, division, curriculum_revision, status, created_at, updated_at)
select n.id, p.tenant_id, 2, 'HIGH', '고등부', '2022 개정', 'enrolled', t.at, t.at
from newcomer as n inner join place as p using (academy)
cross join (select (%(as_of)s - 4000)::timestamp as at) as t;

-- Days before the cut-off, and minutes of the clock; null where the plan was ticked off without one.
create temp table habit (name text, subject text, first_day integer, last_day integer, every integer, minutes integer)
on commit drop;
insert into habit values
    ('one plan', '수학', 5, 5, 1, null),
    ('ten years of plans', '영어', 3650, 1, 7, 50),
    ('checkboxes alone', '국어', 80, 1, 1, null),
    ('in one academy', '수학', 60, 1, 1, 40),
    ('and in another', '영어', 60, 1, 2, null),
    ('back after a year', '수학', 460, 400, 1, 45),
    ('back after a year', '수학', 10, 1, 1, 45);
insert into student_plan (
    student_id, tenant_id, block_index, content_type, content_id, content_subject_category, plan_date, status,
    actual_start_time, actual_end_time, completed_at, total_duration_seconds, estimated_minutes, created_at, updated_at
)
select
    n.id, p.tenant_id, 0, 'book', b.id, h.subject, d.day, 'completed',
    case when h.minutes is not null then d.evening end,
    case when h.minutes is not null then d.evening + h.minutes * interval '1 minute' end,
    d.evening + coalesce(h.minutes, 0) * interval '1 minute', h.minutes * 60, h.minutes,
    d.evening - interval '9 days', d.evening + coalesce(h.minutes, 0) * interval '1 minute'
from habit as h
inner join newcomer as n using (name)
inner join place as p using (academy)
cross join lateral (
    select b.id from master_books as b inner join subject_groups as g on b.subject_group_id = g.id
    where g.name = h.subject and b.tenant_id is null and b.is_active order by b.id limit 1
) as b
cross join generate_series(h.last_day, h.first_day, h.every) as s (ago)
-- Seven in the evening in Seoul.
cross join lateral (
    select %(as_of)s - s.ago as day, (%(as_of)s - s.ago + time '19:00') at time zone 'Asia/Seoul' as evening
) as d;
