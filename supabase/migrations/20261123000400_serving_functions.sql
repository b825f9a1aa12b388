-- ADR-002's three calls, one line of SQL each for the app. Safe to run again.
--
-- Each answers with the student's own rows ("personal"), says when no run was published in time ("stale"), and else
-- gives what the student's academy, school type and year have in common ("cohort"). plpgsql, not sql: plans are kept
-- for the session, and the fallback costs nothing while personal rows exist.

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
    published record;
    groups text[];
begin
    select p.as_of as day, now() <= p.valid_until as is_fresh into published
    from serving.publication as p where p.is_current;

    -- A content without a subject is offered by its subject group.
    if subject_ids is not null then
        select coalesce(array_agg(distinct lower(trim(g.name))), '{}') into groups
        from public.subjects as s
        inner join public.subject_groups as g on g.id = s.subject_group_id
        where s.id = any(subject_ids);
    end if;

    return query
    select
        (row_number() over (order by r.rank))::integer,
        r.content_type, r.content_id, r.subject_group, r.subject_id, r.score, r.reasons, r.reasoning,
        case when published.is_fresh then 'personal' else 'stale' end,
        r.source, published.day, r.model_version
    from serving.content_recommendations as r
    where r.student_id = recommend_contents.student_id
      and (
          subject_ids is null
          or r.subject_id = any(subject_ids)
          or (r.subject_id is null and r.subject_group = any(groups))
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
              or (f.subject_id is null and f.subject_group = any(groups))
          )
    ), once as (
        select distinct on (l.content_id) l.*
        from listed as l where l.distance = 1
        order by l.content_id, l.score desc, l.rank, l.subject_group
    )
    select
        (row_number() over (order by o.score desc, o.rank, o.content_id))::integer,
        o.content_type, o.content_id, o.subject_group, o.subject_id, o.score, o.reasons, o.reasoning,
        'cohort', o.source, published.day, o.model_version
    from once as o
    order by 1
    limit items;
end
$$;

comment on function serving.recommend_contents(uuid, uuid[], integer) is
    'What a student may study next, best first; rank counts within the answer. max_items is held to 1..50. source: '
    '"personal" (own rows), "stale" (own rows, no run was published in time), "cohort" (the list of the student''s '
    'academy, school type and year). basis: which model made the row. as_of: cut-off of the published run.';

-- Between two published days the line between them; before the first and after the last the nearest.
create or replace function serving.predict_score(student_id uuid, subject_id uuid, target_date date)
returns table (
    exam_kind text,
    subject_group text,
    predicted_for text,
    current_score real,
    predicted_score real,
    lower real,
    upper real,
    confidence real,
    trend text,
    factors jsonb,
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
begin
    select p.as_of as day, p.as_of::date as first_day, now() <= p.valid_until as is_fresh into published
    from serving.publication as p where p.is_current;
    -- A day that is over, or more than a year away, is not predicted.
    if (asked between published.first_day and published.first_day + 365) is not true then
        return;
    end if;

    select lower(trim(g.name)) into wanted
    from public.subjects as s
    inner join public.subject_groups as g on g.id = s.subject_group_id
    where s.id = predict_score.subject_id;

    return query
    with earlier as (
        select distinct on (p.exam_kind) p.exam_kind, p as row from serving.score_predictions as p
        where p.student_id = predict_score.student_id and p.subject_group = wanted and p.target_date <= asked
        order by p.exam_kind, p.target_date desc
    ), later as (
        select distinct on (p.exam_kind) p.exam_kind, p as row from serving.score_predictions as p
        where p.student_id = predict_score.student_id and p.subject_group = wanted and p.target_date >= asked
        order by p.exam_kind, p.target_date
    ), ends as (
        select
            kind.exam_kind,
            coalesce(earlier.row, later.row) as a,
            coalesce(later.row, earlier.row) as b
        from (select e.exam_kind from earlier as e union select l.exam_kind from later as l) as kind
        left join earlier on earlier.exam_kind = kind.exam_kind
        left join later on later.exam_kind = kind.exam_kind
    ), weighed as (
        select
            e.exam_kind, e.a, e.b,
            coalesce((asked - (e.a).target_date)::real / nullif((e.b).target_date - (e.a).target_date, 0), 0) as w
        from ends as e
    )
    select
        r.exam_kind, wanted, asked::text, (r.a).current_score,
        ((1 - r.w) * (r.a).predicted_score + r.w * (r.b).predicted_score)::real,
        ((1 - r.w) * (r.a).lower + r.w * (r.b).lower)::real,
        ((1 - r.w) * (r.a).upper + r.w * (r.b).upper)::real,
        ((1 - r.w) * (r.a).confidence + r.w * (r.b).confidence)::real,
        (r.a).trend, (r.a).factors,
        case when published.is_fresh then 'personal' else 'stale' end,
        (r.a).basis, published.day, (r.a).model_version
    from weighed as r
    order by r.exam_kind desc;

    if found then
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
    )
    select
        l.exam_kind, wanted, asked::text, null::real, l.predicted_score, l.lower, l.upper, l.confidence,
        'unknown', '[]'::jsonb, 'cohort', l.basis, published.day, l.model_version
    from listed as l
    where l.distance = 1
    order by l.exam_kind desc;
end
$$;

comment on function serving.predict_score(uuid, uuid, date) is
    'The percentile that a student is expected to reach in a subject''s group on a day, 0 to 100, with its 80 % interval; '
    'one row a kind of exam, mock first. No row where nothing is known, for a day before the cut-off and for one more '
    'than 365 days after it. source as in recommend_contents.';

create or replace function serving.analyze_patterns(student_id uuid)
returns table (
    preferred_study_times text[],
    strong_days integer[],
    weak_days integer[],
    frequently_incomplete_subjects text[],
    overall_completion_rate real,
    average_daily_study_minutes integer,
    total_plans_analyzed integer,
    peak_productivity_hours integer[],
    avg_session_duration_minutes integer,
    subject_strengths jsonb,
    details jsonb,
    source text,
    basis text,
    as_of text,
    model_version text
)
language plpgsql stable security invoker set search_path = ''
as $$
#variable_conflict use_column
declare
    published record;
    strengths jsonb;
begin
    select p.as_of as day, now() <= p.valid_until as is_fresh into published
    from serving.publication as p where p.is_current;

    -- Strongest first.
    select coalesce(
        jsonb_agg(
            jsonb_build_object('subject', r.subject, 'mastery', r.mastery_estimate, 'risk', r.risk_score)
            order by r.risk_score, r.subject
        ),
        '[]'
    ) into strengths
    from serving.student_risk_analysis as r where r.student_id = analyze_patterns.student_id;

    return query
    select
        p.preferred_study_times, p.strong_days, p.weak_days, p.frequently_incomplete_subjects,
        p.overall_completion_rate, p.average_daily_study_minutes, p.total_plans_analyzed, p.peak_productivity_hours,
        p.avg_session_duration_minutes, strengths,
        jsonb_build_object(
            'study_time_analysis', p.study_time_analysis, 'day_analysis', p.day_analysis,
            'subject_completion_analysis', p.subject_completion_analysis,
            'daily_completion_curve', p.daily_completion_curve, 'weekly_pattern', p.weekly_pattern,
            'subject_performance_trend', p.subject_performance_trend, 'fatigue_indicators', p.fatigue_indicators,
            'avg_weekly_completion_rate', p.avg_weekly_completion_rate,
            'analyzed_period_start', p.analyzed_period_start, 'analyzed_period_end', p.analyzed_period_end
        ),
        case when published.is_fresh then 'personal' else 'stale' end,
        p.basis, published.day, p.model_version
    from serving.student_learning_patterns as p
    where p.student_id = analyze_patterns.student_id;

    if found then
        return;
    end if;

    return query
    select
        f.preferred_study_times, f.strong_days, f.weak_days, '{}'::text[], f.overall_completion_rate,
        f.average_daily_study_minutes, 0, f.peak_productivity_hours, f.avg_session_duration_minutes, strengths,
        jsonb_build_object('student_count', f.student_count), 'cohort', f.basis, published.day, f.model_version
    from public.students as s
    inner join serving.fallback_learning_patterns as f
        on f.tenant_id = s.tenant_id
        and (f.school_type, f.school_year_level) in (
            (coalesce(upper(s.school_type), ''), coalesce(s.grade, 0)),
            (coalesce(upper(s.school_type), ''), 0),
            ('', 0)
        )
    where s.id = analyze_patterns.student_id
    order by f.school_year_level = 0, f.school_type = ''
    limit 1;
end
$$;

comment on function serving.analyze_patterns(uuid) is
    'When and how well a student studies, and the subject groups from strong to weak; one row or none. Of a cohort '
    'total_plans_analyzed is 0. source as in recommend_contents.';

revoke execute on function serving.predict_score(uuid, uuid, date) from public;
revoke execute on function serving.analyze_patterns(uuid) from public;

insert into serving_staging.migration (version, name) values ('20261123000400', 'serving_functions')
on conflict (version) do nothing;
