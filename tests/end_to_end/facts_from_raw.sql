-- What reasons speak of, once more from the app's raw tables and in other words than the warehouse's models. It knows
-- only what the generated academies contain: no recurring study tasks, no edits after the cut-off.
create temp table cut as select %(as_of)s::date as day, %(as_of)s::timestamp at time zone 'Asia/Seoul' as instant;

create temp table master_of as
select id, student_id, master_content_id as master_id from books
union all select id, student_id, coalesce(master_lecture_id, master_content_id) from lectures
union all
select custom.id, custom.student_id, min(pc.master_content_id::text)::uuid
from student_custom_contents as custom join plan_contents as pc on pc.content_id = custom.id group by custom.id, custom.student_id;

create temp table catalogue as
select m.id, m.kind, m.title, coalesce(g.name, m.subject_category) as subject_group,
    coalesce(d.name, m.difficulty_level) as difficulty
from (
    select id, 'book' as kind, title, subject_group_id, subject_id, subject_category, difficulty_level_id,
        difficulty_level from master_books
    union all
    select id, 'lecture', title, subject_group_id, subject_id, subject_category, difficulty_level_id, difficulty_level
    from master_lectures
    union all
    select id, 'custom', null, subject_group_id, subject_id, subject_category, difficulty_level_id, difficulty_level
    from master_custom_contents
) as m
left join subjects as j on j.id = m.subject_id
left join subject_groups as g on g.id = coalesce(m.subject_group_id, j.subject_group_id)
left join difficulty_levels as d on d.id = m.difficulty_level_id;

create temp table blocks as
select
    p.id, p.student_id, p.plan_group_id, p.plan_number, p.plan_date, p.content_id, e.master_content_id,
    coalesce(
        e.done and e.done_at < cut.instant,
        coalesce(p.actual_end_time, p.completed_at) < cut.instant,
        p.status = 'completed'
    ) as done,
    case when e.event_id is null then coalesce(p.actual_end_time, p.completed_at) else
        coalesce(e.done_at, p.actual_end_time, p.completed_at) end as done_at,
    p.status in ('canceled', 'cancelled') as cancelled
from student_plan as p
cross join cut
left join calendar_events as c on c.id = p.id and c.is_task and not c.is_exclusion and c.deleted_at is null
left join event_study_data as e on e.event_id = c.id
where p.plan_date < cut.day and p.deleted_at is null and p.is_active is not false and p.is_virtual is not true
  and p.content_id is distinct from '00000000-0000-0000-0000-000000000000'
  and p.content_id is distinct from '00000000-0000-0000-0000-000000000001'
union all
select
    c.id, c.student_id, null, null, coalesce(c.start_date, (c.start_at at time zone 'Asia/Seoul')::date), e.content_id,
    e.master_content_id, e.done and coalesce(e.done_at, c.updated_at) < cut.instant, e.done_at, c.status = 'cancelled'
from calendar_events as c
join event_study_data as e on e.event_id = c.id
cross join cut
where c.is_task and not c.is_exclusion and c.deleted_at is null and c.rrule is null
  and coalesce(c.start_date, (c.start_at at time zone 'Asia/Seoul')::date) < cut.day
  and not exists (select from student_plan as p where p.id = c.id)
  and e.content_id is distinct from '00000000-0000-0000-0000-000000000000'
  and e.content_id is distinct from '00000000-0000-0000-0000-000000000001';

create temp table items as
select
    b.student_id, coalesce(max(m.master_id::text), max(b.master_content_id::text), max(b.content_id::text)) as content_id,
    coalesce(bool_and(done) filter (where done or not cancelled), false) as done,
    coalesce((max(done_at) at time zone 'Asia/Seoul')::date, b.plan_date) as done_date
from blocks as b
join students as s on s.id = b.student_id
left join master_of as m on m.id = b.content_id
where coalesce(s.memo, '') not like '%%더미%%'
group by b.student_id, b.plan_date,
    case when b.plan_group_id is null or b.plan_number is null then b.id::text
         else b.plan_group_id || '#' || b.plan_number end
having not bool_and(cancelled and not done);

create temp table use as
select student_id, content_id, count(*) as planned, count(*) filter (where done) as done,
       min(done_date) filter (where done) as started
from items where content_id in (select id::text from catalogue) group by student_id, content_id;

-- Levels as the app's own labels have them.
create temp table started as
select u.student_id, u.content_id, u.started, c.subject_group, c.title,
    case replace(c.difficulty, ' ', '')
        when '개념' then 1 when '기초' then 1 when '하' then 1 when '기본' then 2 when '중' then 2 when '심화' then 3
        when '상' then 3 when '최상' then 4
    end as level
from use as u join catalogue as c on c.id::text = u.content_id where u.started is not null;

-- Scores on one scale are the warehouse's (its conversions have known answers of their own); which exams count, and
-- their means, are made again. A 등급 of 절대평가 counts and has no rank among takers.
create temp table standing as
select student_id, subject_group, count(distinct (exam_kind, exam_date)) as exams,
    avg(percentile) filter (where percentile_basis <> 'absolute_grade') as percentile
from analytics_intermediate.int_score__results
where percentile is not null group by student_id, subject_group;

create temp table claim as
select r.student_id, r.content_id::text as content_id, r.subject_group, reason ->> 'code' as code,
    reason -> 'params' as says
from (select * from serving.content_recommendations order by md5(student_id::text || rank) limit 500) as r
cross join jsonb_array_elements(r.reasons) as reason;
