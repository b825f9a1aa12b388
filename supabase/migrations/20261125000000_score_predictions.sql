-- Score predictions: what one says beside its 80 % interval, staging for them, a record of what was predicted, and
-- predict_score with all of it. Subject groups that the app calls by an alias find the rows of their one name.
--
-- Safe to run again. Until now no run has published to the two tables, so what they gain may be not null.

alter table serving.score_predictions
    -- What current_score, predicted_score and the bounds are counted in.
    add column if not exists scale text not null default 'percentile' check (scale in ('percentile', 'raw_score')),
    add column if not exists exam_type text, -- csat, kice, school …: of the exam that is known for the day; else null
    add column if not exists lower_90 real not null check (lower_90 between 0 and 100),
    add column if not exists upper_90 real not null check (upper_90 between 0 and 100)
        check (lower_90 <= lower and upper <= upper_90),
    add column if not exists interval_basis text not null check (interval_basis in ('calibrated', 'uncalibrated')),
    -- Known scores of the student in the subject group and kind.
    add column if not exists past_exam_count smallint not null check (past_exam_count >= 0),
    -- The same on the app's other scales: {"rank_grade_levels": 9, "rank_grades": [2, 3],
    -- "standard_score": {"predicted": …, "lower": …, "upper": …}, "raw_score": {…}}.
    add column if not exists scales jsonb not null check (jsonb_typeof(scales) = 'object'),
    add column if not exists reasoning text not null;
comment on table serving.score_predictions is
    'The score a student is expected to reach on a day, on the scale that the row names, with 80 % and 90 % intervals. '
    'factors are points of that scale: first the cohort''s mean, then what moves the prediction away from it.';

alter table serving.fallback_score_predictions
    add column if not exists scale text not null default 'percentile' check (scale in ('percentile', 'raw_score')),
    add column if not exists lower_90 real not null check (lower_90 between 0 and 100),
    add column if not exists upper_90 real not null check (upper_90 between 0 and 100)
        check (lower_90 <= lower and upper <= upper_90),
    add column if not exists interval_basis text not null check (interval_basis in ('calibrated', 'uncalibrated')),
    add column if not exists student_count integer not null check (student_count >= 5),
    add column if not exists scales jsonb not null check (jsonb_typeof(scales) = 'object'),
    add column if not exists reasoning text not null;
comment on table serving.fallback_score_predictions is
    'The same for students without rows of their own: what their cohort, five students or more, reaches.';

create unlogged table if not exists serving_staging.score_predictions (
    run_id text not null,
    student_id uuid not null,
    subject_group text collate "C" not null,
    exam_kind text collate "C" not null,
    target_date date not null,
    tenant_id uuid not null,
    current_score real,
    predicted_score real not null,
    lower real not null,
    upper real not null,
    lower_90 real not null,
    upper_90 real not null,
    confidence real not null,
    trend text not null,
    factors jsonb not null,
    reasoning text not null,
    scale text not null,
    scales jsonb not null,
    exam_type text,
    interval_basis text not null,
    past_exam_count smallint not null,
    basis text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, student_id, subject_group, exam_kind, target_date)
);

create unlogged table if not exists serving_staging.fallback_score_predictions (
    run_id text not null,
    tenant_id uuid not null,
    school_type text collate "C" not null,
    school_year_level smallint not null,
    subject_group text collate "C" not null,
    exam_kind text collate "C" not null,
    predicted_score real not null,
    lower real not null,
    upper real not null,
    lower_90 real not null,
    upper_90 real not null,
    confidence real not null,
    reasoning text not null,
    scale text not null,
    scales jsonb not null,
    interval_basis text not null,
    student_count integer not null,
    basis text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, tenant_id, school_type, school_year_level, subject_group, exam_kind)
);

-- What was predicted of each next exam, once a week, so that its score can be held against it. Kept two years; the week
-- comes first in the key, so that each publication finds its own week and what is old together.
create table if not exists serving_staging.score_prediction_log (
    student_id uuid not null,
    subject_group text collate "C" not null,
    exam_kind text collate "C" not null,
    target_date date not null,
    week_start date not null, -- Monday of the week of as_of
    tenant_id uuid not null,
    exam_type text not null,
    predicted_score real not null,
    lower real not null,
    upper real not null,
    lower_90 real not null,
    upper_90 real not null,
    confidence real not null,
    scale text not null,
    basis text not null,
    past_exam_count smallint not null,
    version bigint not null, -- of the publication
    as_of text not null, -- YYYY-MM-DD
    model_version text not null,
    logged_at timestamptz not null,
    primary key (week_start, student_id, subject_group, exam_kind, target_date)
);
comment on table serving_staging.score_prediction_log is
    'What was live of each student''s next exam in a subject group when a week''s first publication came. '
    'Written by each publication.';

-- The one name of a subject group, as dbt gives it: dbt_project/seeds/subject_aliases.csv, then the name itself. A
-- spelling is compared without case and spaces. plpgsql, which keeps its plan for the session on every version.
create or replace function serving.subject_group_name(name text) returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
    spelling constant text := replace(lower(trim(name)), ' ', '');
begin
    return case
        when spelling in (
            '과학', 'science', '과탐', '과학탐구', '과학탐구영역', '물1', '물2', '물리', '생1', '생2', '생물', '지1', '지2', '지학',
            '탐구-과탐', '통과', '통합과학', '화1', '화2', '화학'
        ) then '과학'
        when spelling in (
            '국어', 'korean', '국어영역', '독서', '문법', '문학', '비문학', '언매', '언어', '언어영역', '언어와매체', '화법과작문', '화작'
        ) then '국어'
        when spelling in (
            '사회', 'social', '도덕', '동사', '사문', '사탐', '사회(역사/도덕포함)', '사회탐구', '사회탐구영역', '생윤', '세사', '세지', '역사',
            '윤사', '정법', '탐구-사탐', '통사', '통합사회', '한지'
        ) then '사회'
        when spelling in (
            '수학', 'math', 'mathematics', '기하', '미적', '미적분', '수1', '수2', '수i', '수ii', '수ⅰ', '수ⅱ', '수리',
            '수리영역', '수학1', '수학2', '수학i', '수학ii', '수학ⅰ', '수학ⅱ', '수학영역', '확률과통계', '확통'
        ) then '수학'
        when spelling in ('영어', 'english', '영독', '영문법', '영어독해', '영어영역', '외국어', '외국어영역') then '영어'
        when spelling in ('예술', '미술', '예술(음악/미술)', '음악') then '예술'
        when spelling in ('체육', '운동과건강') then '체육'
        when spelling in ('한국사', '국사', '한국사영역') then '한국사'
        else nullif(lower(trim(name)), '')
    end;
end
$$;
comment on function serving.subject_group_name(text) is
    'The name under which serving has a subject group, whatever the app calls it; null for a name of spaces.';

-- Between two published days the line between them; before the first and after the last the nearest. What is no number
-- is the nearer day's, of two as near the earlier's; and so are the numbers where the two are on different scales.
--
-- With an argument more than the function it replaces: none can change the columns that it returns, and the migration
-- which makes that one must still run again.
drop function if exists serving.predict_score(uuid, uuid, date);
create or replace function serving.predict_score(
    student_id uuid, subject_id uuid, target_date date, only_kind text default null
)
returns table (
    exam_kind text,
    subject_group text,
    predicted_for text,
    current_score real,
    predicted_score real,
    lower real,
    upper real,
    lower_90 real,
    upper_90 real,
    confidence real,
    trend text,
    factors jsonb,
    reasoning text,
    scale text,
    scales jsonb,
    interval_basis text,
    past_exam_count integer,
    source text,
    basis text,
    as_of text,
    model_version text
)
language plpgsql stable security invoker set search_path = ''
as $$
#variable_conflict use_column
declare
    asked constant date := predict_score.target_date;
    published record;
    wanted text; -- subject group, as our rows name it
    earlier serving.score_predictions;
    later serving.score_predictions;
    nearer serving.score_predictions;
    way real; -- from the earlier day to the later
    is_known boolean := false;
begin
    select p.as_of as day, p.as_of::date as first_day, now() <= p.valid_until as is_fresh into published
    from serving.publication as p where p.is_current;
    -- A day that is over, or more than a year away, is not predicted.
    if (asked between published.first_day and published.first_day + 365) is not true then
        return;
    end if;

    select serving.subject_group_name(g.name) into wanted
    from public.subjects as s
    inner join public.subject_groups as g on g.id = s.subject_group_id
    where s.id = predict_score.subject_id;

    subject_group := wanted;
    predicted_for := asked::text;
    source := case when published.is_fresh then 'personal' else 'stale' end;
    as_of := published.day;
    -- Row by row from the key: one statement for both kinds and both days takes twice the time.
    foreach exam_kind in array array['mock', 'internal'] loop
        continue when exam_kind <> only_kind;
        select p.* into earlier from serving.score_predictions as p
        where p.student_id = predict_score.student_id and p.subject_group = wanted
          and p.exam_kind = predict_score.exam_kind and p.target_date <= asked
        order by p.target_date desc limit 1;
        select p.* into later from serving.score_predictions as p
        where p.student_id = predict_score.student_id and p.subject_group = wanted
          and p.exam_kind = predict_score.exam_kind and p.target_date >= asked
        order by p.target_date limit 1;
        continue when earlier.target_date is null and later.target_date is null;
        is_known := true;
        if earlier.target_date is null then
            earlier := later;
        elsif later.target_date is null then
            later := earlier;
        end if;
        way := coalesce(
            (asked - earlier.target_date)::real / nullif(later.target_date - earlier.target_date, 0), 0
        );
        nearer := earlier;
        if way > 0.5 then
            nearer := later;
        end if;
        if earlier.scale <> later.scale then
            earlier := nearer;
            later := nearer;
        end if;
        current_score := nearer.current_score;
        predicted_score := (1 - way) * earlier.predicted_score + way * later.predicted_score;
        lower := (1 - way) * earlier.lower + way * later.lower;
        upper := (1 - way) * earlier.upper + way * later.upper;
        lower_90 := (1 - way) * earlier.lower_90 + way * later.lower_90;
        upper_90 := (1 - way) * earlier.upper_90 + way * later.upper_90;
        confidence := (1 - way) * earlier.confidence + way * later.confidence;
        trend := nearer.trend;
        factors := nearer.factors;
        reasoning := nearer.reasoning;
        scale := nearer.scale;
        scales := nearer.scales;
        interval_basis := nearer.interval_basis;
        past_exam_count := nearer.past_exam_count;
        basis := nearer.basis;
        model_version := nearer.model_version;
        return next;
    end loop;
    if is_known then
        return;
    end if;

    return query
    with listed as (
        select f.*, dense_rank() over (order by f.school_year_level = 0, f.school_type = '') as distance
        from public.students as s
        inner join serving.fallback_score_predictions as f
            on f.tenant_id = s.tenant_id
            and (f.school_type, f.school_year_level) in (
                (coalesce(upper(s.school_type), ''), coalesce(s.grade, 0)),
                (coalesce(upper(s.school_type), ''), 0),
                ('', 0)
            )
        where s.id = predict_score.student_id and f.subject_group = wanted
          and (only_kind is null or f.exam_kind = only_kind)
    )
    select
        l.exam_kind, wanted, asked::text, null::real, l.predicted_score, l.lower, l.upper, l.lower_90, l.upper_90,
        l.confidence, 'unknown', '[]'::jsonb, l.reasoning, l.scale, l.scales, l.interval_basis, 0, 'cohort', l.basis,
        published.day, l.model_version
    from listed as l
    where l.distance = 1
    order by l.exam_kind desc;
end
$$;
comment on function serving.predict_score(uuid, uuid, date, text) is
    'The score that a student is expected to reach in a subject''s group on a day, 0 to 100 on the scale that the row '
    'names, with its 80 % and 90 % intervals; one row a kind of exam, mock first, or only_kind alone. No row where '
    'nothing is known, for a day before the cut-off and for one more than 365 days after it. source as in '
    'recommend_contents.';

-- As before but for the name of a subject group.
create or replace function serving.recommend_contents(
    student_id uuid,
    subject_ids uuid[] default null,
    max_items integer default 10
)
returns table (
    rank integer,
    content_type text,
    content_id uuid,
    subject_group text,
    subject_id uuid,
    score real,
    reasons jsonb,
    reasoning text,
    source text,
    basis text,
    as_of text,
    model_version text
)
language plpgsql stable security invoker set search_path = ''
as $$
declare
    items constant integer := least(greatest(coalesce(max_items, 10), 1), 50);
begin
    -- A content without a subject is offered by its subject group, which is looked up when the first such row is met.
    return query
    select
        (row_number() over (order by r.rank))::integer,
        r.content_type, r.content_id, r.subject_group, r.subject_id, r.score, r.reasons, r.reasoning,
        case
            when (select now() <= p.valid_until from serving.publication as p where p.is_current) then 'personal'
            else 'stale'
        end,
        r.source, (select p.as_of from serving.publication as p where p.is_current), r.model_version
    from serving.content_recommendations as r
    where r.student_id = recommend_contents.student_id
      and (
          subject_ids is null
          or r.subject_id = any(subject_ids)
          or (r.subject_id is null and r.subject_group in (
              select serving.subject_group_name(g.name)
              from public.subjects as s
              inner join public.subject_groups as g on g.id = s.subject_group_id
              where s.id = any(subject_ids)
          ))
      )
    order by r.rank
    limit items;

    if found then
        return;
    end if;

    -- The list of the student's own year; else of the school type; else of the academy. Within it the best of all
    -- subject groups, and a content once. A student whom the caller may not see, or who is unknown, gets no rows.
    return query
    with listed as (
        select f.*, dense_rank() over (order by f.school_year_level = 0, f.school_type = '') as distance
        from public.students as s
        inner join serving.fallback_recommendations as f
            on f.tenant_id = s.tenant_id
            and (f.school_type, f.school_year_level) in (
                (coalesce(upper(s.school_type), ''), coalesce(s.grade, 0)),
                (coalesce(upper(s.school_type), ''), 0),
                ('', 0)
            )
        where s.id = recommend_contents.student_id
          and (
              subject_ids is null
              or f.subject_id = any(subject_ids)
              or (f.subject_id is null and f.subject_group in (
                  select serving.subject_group_name(g.name)
                  from public.subjects as wanted
                  inner join public.subject_groups as g on g.id = wanted.subject_group_id
                  where wanted.id = any(subject_ids)
              ))
          )
    ), once as (
        select distinct on (l.content_id) l.*
        from listed as l where l.distance = 1
        order by l.content_id, l.score desc, l.rank, l.subject_group
    )
    select
        (row_number() over (order by o.score desc, o.rank, o.content_id))::integer,
        o.content_type, o.content_id, o.subject_group, o.subject_id, o.score, o.reasons, o.reasoning,
        'cohort', o.source, (select p.as_of from serving.publication as p where p.is_current), o.model_version
    from once as o
    order by 1
    limit items;
end
$$;

revoke execute on function serving.subject_group_name(text) from public;
revoke execute on function serving.predict_score(uuid, uuid, date, text) from public;

do $$
begin
    if to_regrole('pipeline_transformer') is not null and to_regrole('pipeline_publisher') is not null then
        grant execute on function serving.subject_group_name(text), serving.predict_score(uuid, uuid, date, text)
            to pipeline_transformer;
        grant select on serving_staging.score_prediction_log to pipeline_transformer;
        grant select, insert, delete on serving_staging.score_prediction_log to pipeline_publisher;
        -- Owner, because before Postgres 17 nobody else may analyze a table.
        grant create on schema serving_staging to pipeline_publisher;
        alter table serving_staging.score_predictions owner to pipeline_publisher;
        alter table serving_staging.fallback_score_predictions owner to pipeline_publisher;
        revoke create on schema serving_staging from pipeline_publisher;
    end if;

    -- As in serving_access: where it could open nothing, this opens nothing either, and its warning stands.
    if to_regrole('authenticated') is null or to_regprocedure('public.rls_check_parent_student(uuid)') is null
        or to_regprocedure('public.rls_check_admin_tenant(uuid)') is null
        or to_regprocedure('public.rls_check_tenant_member(uuid)') is null
        or to_regprocedure('public.rls_check_is_superadmin()') is null or to_regprocedure('auth.uid()') is null
    then
        return;
    end if;
    grant execute on function serving.subject_group_name(text), serving.predict_score(uuid, uuid, date, text)
        to authenticated;
end
$$;

insert into serving_staging.migration (version, name) values ('20261125000000', 'score_predictions')
on conflict (version) do nothing;
