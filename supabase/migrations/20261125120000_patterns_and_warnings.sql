-- Learning patterns, risk, outlook, early warnings and score summaries: what their rows say beside the app's own
-- columns, staging for them, the review of each rule of warnings, and what staff did about a warning. analyze_patterns
-- with all of it, and a function for each of the others.
--
-- Safe to run again. Until now no run has published to these tables, so what they gain may be not null.

alter table serving.student_learning_patterns
    -- {figure: {"status": "measured" | "insufficient", "n": …, "minimum": …, "lower": …, "upper": …}}
    add column if not exists evidence jsonb not null check (jsonb_typeof(evidence) = 'object'),
    add column if not exists weekly_rhythm jsonb, -- null where there are too few weeks
    -- [{"date": …, "kind": …, "before": …, "after": …, "text": …}]
    add column if not exists change_points jsonb not null check (jsonb_typeof(change_points) = 'array'),
    -- How long a kind of work takes this student, beside what is planned for it.
    add column if not exists realistic_minutes jsonb not null check (jsonb_typeof(realistic_minutes) = 'array');

-- Too few scores are no risk of zero: such a row has no risk, and says so.
alter table serving.student_risk_analysis
    alter column risk_score drop not null,
    add column if not exists is_weak boolean not null check (not is_weak or risk_score is not null),
    add column if not exists score_count integer not null check (score_count >= 0),
    -- What the app's formula gives on the same rows, and codes of the defects that explain the difference.
    add column if not exists legacy_risk_score real check (legacy_risk_score between 0 and 100),
    add column if not exists legacy_differences jsonb not null check (jsonb_typeof(legacy_differences) = 'array'),
    add column if not exists reasoning text not null check ((basis = 'insufficient') = (risk_score is null));
comment on column serving.student_risk_analysis.score_variance is
    'The app''s name for it: the deviation of the student''s places in percentile points, without that of exams.';
comment on table serving.student_risk_analysis is
    'How much a student is at risk in a subject group, 0 to 100, higher is riskier; null where basis is insufficient. '
    'is_weak names the weak subjects, here and nowhere else.';

alter table serving.student_predictions
    add column if not exists subject text, -- of subject_struggle
    -- What the impacts of contributing_factors are counted from.
    add column if not exists base_score real not null check (base_score between 0 and 100),
    add column if not exists basis text not null,
    add column if not exists reasoning text not null;

alter table serving.early_warnings
    -- Of the key, the same in every run: what warning_actions are about.
    add column if not exists id uuid not null unique,
    add column if not exists subject text collate "C" not null, -- subject group, lower case; '' for none
    add column if not exists probability real not null check (probability between 0 and 1),
    add column if not exists reasoning text not null check (resolved_at >= detected_at);
do $$
begin
    if not exists (
        select from pg_catalog.pg_attribute as a
        inner join pg_catalog.pg_constraint as c on c.conrelid = a.attrelid and a.attnum = any(c.conkey)
        where a.attrelid = 'serving.early_warnings'::regclass and a.attname = 'subject' and c.contype = 'p'
    ) then
        alter table serving.early_warnings
            drop constraint early_warnings_pkey,
            add primary key (student_id, warning_type, subject, detected_date);
    end if;
end
$$;
-- That only one is open of each type and subject is the gate's to see: a merge may insert the next before it closes the
-- last.
comment on table serving.early_warnings is
    'What staff should look at, and why. For staff alone: a warning is a reason to talk with a student, and no message '
    'to one. What staff did is in warning_actions.';

-- What staff open: the few that are not resolved, of their academy.
create index if not exists early_warnings_open on serving.early_warnings (tenant_id) where resolved_at is null;

alter table serving.score_summaries
    add column if not exists peer_comparison jsonb; -- with cohorts of five students or more

create table if not exists serving.warning_rule_reviews (
    tenant_id uuid not null,
    month text collate "C" not null check (month ~ '^\d{4}-\d{2}$'),
    warning_type text collate "C" not null check (warning_type in (
        'completion_drop', 'streak_break', 'subject_struggle', 'burnout_risk', 'schedule_overload',
        'exam_unpreparedness'
    )),
    raised_count integer not null check (raised_count >= 0),
    resolved_count integer not null check (resolved_count >= 0),
    confirmed_count integer not null check (confirmed_count >= 0),
    dismissed_count integer not null check (dismissed_count >= 0),
    precision_share real check (precision_share between 0 and 1), -- null without a verdict
    median_lead_days real check (median_lead_days >= 0),
    threshold real not null check (threshold between 0 and 1),
    proposed_threshold real check (proposed_threshold between 0 and 1), -- null where too little is known to propose one
    proposed_precision_share real check (proposed_precision_share between 0 and 1),
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (tenant_id, month, warning_type)
) with (fillfactor = 85);
comment on table serving.warning_rule_reviews is
    'What came of an academy''s warnings in a month, rule by rule, and the threshold that a replay of it proposes.';
alter table serving.warning_rule_reviews enable row level security;

-- The app's, not the publisher's: each row is an act of somebody of the staff, and stays. It names what the warning was
-- about, since warnings are forgotten in time; so there is no foreign key either, which would keep them or take this
-- along.
create table if not exists serving.warning_actions (
    id uuid primary key default gen_random_uuid(),
    warning_id uuid not null,
    student_id uuid not null,
    tenant_id uuid not null,
    warning_type text collate "C" not null,
    subject text collate "C" not null,
    detected_date date not null,
    action_type text not null check (action_type in (
        'acknowledged', 'contacted_student', 'adjusted_schedule', 'reduced_load', 'resolved', 'dismissed'
    )),
    action_taken_by uuid not null,
    action_notes text, -- free text of staff about a student: never read by the pipeline
    action_at timestamptz not null default now()
);
comment on table serving.warning_actions is
    'What staff did about a warning, appended by the app. A dismissal outweighs what else was said of a warning.';
create index if not exists warning_actions_of_warning on serving.warning_actions (warning_id, action_at);
alter table serving.warning_actions enable row level security;

create unlogged table if not exists serving_staging.student_learning_patterns (
    run_id text not null,
    student_id uuid not null,
    tenant_id uuid not null,
    preferred_study_times text[] not null,
    strong_days integer[] not null,
    weak_days integer[] not null,
    frequently_incomplete_subjects text[] not null,
    overall_completion_rate real,
    average_daily_study_minutes integer,
    total_plans_analyzed integer not null,
    study_time_analysis jsonb not null,
    day_analysis jsonb not null,
    subject_completion_analysis jsonb not null,
    daily_completion_curve jsonb,
    weekly_pattern jsonb,
    subject_performance_trend jsonb,
    fatigue_indicators jsonb,
    peak_productivity_hours integer[] not null,
    avg_session_duration_minutes integer,
    avg_weekly_completion_rate real,
    analyzed_period_start text not null,
    analyzed_period_end text not null,
    evidence jsonb not null,
    weekly_rhythm jsonb,
    change_points jsonb not null,
    realistic_minutes jsonb not null,
    basis text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, student_id)
);

create unlogged table if not exists serving_staging.fallback_learning_patterns (
    run_id text not null,
    tenant_id uuid not null,
    school_type text collate "C" not null,
    school_year_level smallint not null,
    preferred_study_times text[] not null,
    strong_days integer[] not null,
    weak_days integer[] not null,
    overall_completion_rate real,
    average_daily_study_minutes integer,
    peak_productivity_hours integer[] not null,
    avg_session_duration_minutes integer,
    student_count integer not null,
    basis text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, tenant_id, school_type, school_year_level)
);

create unlogged table if not exists serving_staging.student_risk_analysis (
    run_id text not null,
    student_id uuid not null,
    subject text collate "C" not null,
    tenant_id uuid not null,
    risk_score real,
    recent_grade_trend smallint not null,
    consistency_score real,
    mastery_estimate real,
    recent_3_avg_grade real,
    grade_change real,
    score_variance real,
    improvement_rate real,
    factors jsonb not null,
    is_weak boolean not null,
    score_count integer not null,
    legacy_risk_score real,
    legacy_differences jsonb not null,
    reasoning text not null,
    basis text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, student_id, subject)
);

create unlogged table if not exists serving_staging.score_summaries (
    run_id text not null,
    student_id uuid not null,
    tenant_id uuid not null,
    internal_summary jsonb,
    mock_summary jsonb,
    strategy_summary jsonb,
    peer_comparison jsonb,
    loaded_at timestamptz not null default now(),
    primary key (run_id, student_id)
);

create unlogged table if not exists serving_staging.student_predictions (
    run_id text not null,
    student_id uuid not null,
    prediction_type text collate "C" not null,
    prediction_date date not null,
    tenant_id uuid not null,
    subject text,
    target_period_start text not null,
    target_period_end text not null,
    prediction_score real not null,
    base_score real not null,
    confidence real not null,
    contributing_factors jsonb not null,
    recommended_interventions jsonb not null,
    reasoning text not null,
    basis text not null,
    actual_outcome real,
    loaded_at timestamptz not null default now(),
    primary key (run_id, student_id, prediction_type, prediction_date)
);

create unlogged table if not exists serving_staging.early_warnings (
    run_id text not null,
    student_id uuid not null,
    warning_type text collate "C" not null,
    subject text collate "C" not null,
    detected_date date not null,
    id uuid not null,
    tenant_id uuid not null,
    severity text not null,
    probability real not null,
    detected_at timestamptz not null,
    resolved_at timestamptz,
    context_data jsonb not null,
    recommended_actions jsonb not null,
    reasoning text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, student_id, warning_type, subject, detected_date)
);

create unlogged table if not exists serving_staging.warning_rule_reviews (
    run_id text not null,
    tenant_id uuid not null,
    month text collate "C" not null,
    warning_type text collate "C" not null,
    raised_count integer not null,
    resolved_count integer not null,
    confirmed_count integer not null,
    dismissed_count integer not null,
    precision_share real,
    median_lead_days real,
    threshold real not null,
    proposed_threshold real,
    proposed_precision_share real,
    loaded_at timestamptz not null default now(),
    primary key (run_id, tenant_id, month, warning_type)
);

-- As before but for subjects without a risk, which come last and say so, and for what details tell.
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

    -- Strongest first; last those of which too little is known.
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'subject', r.subject, 'mastery', r.mastery_estimate, 'risk', r.risk_score,
                'status', case when r.risk_score is null then 'insufficient' else 'measured' end
            )
            order by r.risk_score nulls last, r.subject
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
            'analyzed_period_start', p.analyzed_period_start, 'analyzed_period_end', p.analyzed_period_end,
            'evidence', p.evidence, 'weekly_rhythm', p.weekly_rhythm, 'change_points', p.change_points,
            'realistic_minutes', p.realistic_minutes
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
    'When and how well a student studies, and the subject groups from strong to weak, then those of which too little '
    'is known; one row or none. details.evidence says of each figure how much was seen. Of a cohort '
    'total_plans_analyzed is 0. source as in recommend_contents.';

create or replace function serving.subject_risks(student_id uuid)
returns table (
    subject text,
    risk_score real,
    is_weak boolean,
    recent_grade_trend integer,
    consistency_score real,
    mastery_estimate real,
    recent_3_avg_grade real,
    grade_change real,
    score_count integer,
    factors jsonb,
    reasoning text,
    source text,
    basis text,
    as_of text,
    model_version text
)
language sql stable security invoker set search_path = ''
begin atomic
    select
        r.subject, r.risk_score, r.is_weak, r.recent_grade_trend::integer, r.consistency_score, r.mastery_estimate,
        r.recent_3_avg_grade, r.grade_change, r.score_count, r.factors, r.reasoning,
        case when now() <= p.valid_until then 'personal' else 'stale' end, r.basis, p.as_of, r.model_version
    from serving.student_risk_analysis as r
    left join serving.publication as p on p.is_current
    where r.student_id = subject_risks.student_id
    order by r.risk_score desc nulls last, r.subject;
end;
comment on function serving.subject_risks(uuid) is
    'How much the student is at risk in each subject group, most first, then those of which too little is known.';

create or replace function serving.student_outlook(student_id uuid)
returns table (
    prediction_type text,
    prediction_date text,
    target_period_start text,
    target_period_end text,
    subject text,
    prediction_score real,
    base_score real,
    confidence real,
    contributing_factors jsonb,
    recommended_interventions jsonb,
    reasoning text,
    source text,
    basis text,
    as_of text,
    model_version text
)
language sql stable security invoker set search_path = ''
begin atomic
    -- The newest of each type, unless its period was over by the cut-off.
    select distinct on (o.prediction_type)
        o.prediction_type, o.prediction_date::text, o.target_period_start, o.target_period_end, o.subject,
        o.prediction_score, o.base_score, o.confidence, o.contributing_factors, o.recommended_interventions,
        o.reasoning, case when now() <= p.valid_until then 'personal' else 'stale' end, o.basis, p.as_of,
        o.model_version
    from serving.student_predictions as o
    left join serving.publication as p on p.is_current
    where o.student_id = student_outlook.student_id and (o.target_period_end < p.as_of) is not true
    order by o.prediction_type, o.prediction_date desc;
end;
comment on function serving.student_outlook(uuid) is
    'What is likely in the coming days, the newest prediction of each type; none whose period is over.';

create or replace function serving.open_warnings(
    academy_id uuid, only_student uuid default null, max_items integer default 50
)
returns table (
    id uuid,
    student_id uuid,
    warning_type text,
    subject text,
    severity text,
    detected_date text,
    probability real,
    context_data jsonb,
    recommended_actions jsonb,
    reasoning text,
    last_action text,
    last_action_at timestamptz,
    source text,
    as_of text,
    model_version text
)
language sql stable security invoker set search_path = ''
begin atomic
    select
        w.id, w.student_id, w.warning_type, w.subject, w.severity, w.detected_date::text, w.probability,
        w.context_data, w.recommended_actions, w.reasoning, a.action_type, a.action_at,
        case when now() <= p.valid_until then 'personal' else 'stale' end, p.as_of, w.model_version
    from serving.early_warnings as w
    left join serving.publication as p on p.is_current
    left join lateral (
        select done.action_type, done.action_at from serving.warning_actions as done
        where done.warning_id = w.id order by done.action_at desc, done.id limit 1
    ) as a on true
    where w.tenant_id = open_warnings.academy_id and w.resolved_at is null
      and (open_warnings.only_student is null or w.student_id = open_warnings.only_student)
      -- What staff have closed is closed before the next run knows of it.
      and (a.action_type in ('resolved', 'dismissed')) is not true
    order by
        array_position(array['critical', 'high', 'medium', 'low'], w.severity), w.probability desc, w.detected_date,
        w.id
    limit least(greatest(coalesce(open_warnings.max_items, 50), 1), 200);
end;
comment on function serving.open_warnings(uuid, uuid, integer) is
    'Open warnings of an academy, or of one of its students, the most severe and most certain first, with what staff '
    'did last. max_items is held to 1..200. For staff: nobody else sees any.';

create or replace function serving.score_summary(student_id uuid)
returns table (
    internal_summary jsonb,
    mock_summary jsonb,
    strategy_summary jsonb,
    peer_comparison jsonb,
    source text,
    as_of text,
    model_version text
)
language sql stable security invoker set search_path = ''
begin atomic
    select
        s.internal_summary, s.mock_summary, s.strategy_summary, s.peer_comparison,
        case when now() <= p.valid_until then 'personal' else 'stale' end, p.as_of, s.model_version
    from serving.score_summaries as s
    left join serving.publication as p on p.is_current
    where s.student_id = score_summary.student_id;
end;
comment on function serving.score_summary(uuid) is
    'What a student''s scores come to: at school, in mock exams, beside peers, and what follows; one row or none.';

revoke execute on function serving.subject_risks(uuid) from public;
revoke execute on function serving.student_outlook(uuid) from public;
revoke execute on function serving.open_warnings(uuid, uuid, integer) from public;
revoke execute on function serving.score_summary(uuid) from public;

do $$
declare
    table_name text;
begin
    if to_regrole('pipeline_transformer') is not null and to_regrole('pipeline_publisher') is not null then
        grant execute on function serving.subject_risks(uuid), serving.student_outlook(uuid),
            serving.open_warnings(uuid, uuid, integer), serving.score_summary(uuid) to pipeline_transformer;
        grant select on serving.warning_rule_reviews to pipeline_transformer;
        grant select, insert, update, delete on serving.warning_rule_reviews to pipeline_publisher;
        drop policy if exists pipeline_reads on serving.warning_rule_reviews;
        drop policy if exists publisher_writes on serving.warning_rule_reviews;
        create policy pipeline_reads on serving.warning_rule_reviews for select to pipeline_transformer using (true);
        create policy publisher_writes on serving.warning_rule_reviews for all to pipeline_publisher
            using (true) with check (true);

        -- pipeline_roles, run again, opens every table of the schema; to this one the pipeline writes nothing, and who
        -- wrote what in words it does not read.
        revoke all on serving.warning_actions from pipeline_publisher, pipeline_transformer;
        grant select (
            id, warning_id, student_id, tenant_id, warning_type, subject, detected_date, action_type, action_at
        ) on serving.warning_actions to pipeline_transformer;
        drop policy if exists publisher_writes on serving.warning_actions;
        drop policy if exists pipeline_reads on serving.warning_actions;
        create policy pipeline_reads on serving.warning_actions for select to pipeline_transformer using (true);

        -- Owner, because before Postgres 17 nobody else may analyze a table.
        grant create on schema serving_staging to pipeline_publisher;
        foreach table_name in array array[
            'student_learning_patterns', 'fallback_learning_patterns', 'student_risk_analysis', 'score_summaries',
            'student_predictions', 'early_warnings', 'warning_rule_reviews'
        ]
        loop
            execute format('alter table serving_staging.%I owner to pipeline_publisher', table_name);
        end loop;
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
    grant execute on function serving.subject_risks(uuid), serving.student_outlook(uuid),
        serving.open_warnings(uuid, uuid, integer), serving.score_summary(uuid) to authenticated;

    -- serving_access_products, run again, opens early_warnings to students and parents as well. That a student is
    -- expected to fail or to break off is a guess about a minor, and being told so may make it true: it is staff who
    -- know what to say, and to whom. Students read what is likely, in student_predictions, in words meant for them.
    grant select on serving.warning_rule_reviews, serving.warning_actions to authenticated;
    foreach table_name in array array['early_warnings', 'warning_rule_reviews', 'warning_actions']
    loop
        execute format('drop policy if exists app_reads on serving.%I', table_name);
        execute format(
            'create policy app_reads on serving.%I for select to authenticated using ('
            '(select public.rls_check_is_superadmin()) or public.rls_check_admin_tenant(tenant_id))',
            table_name
        );
    end loop;

    -- Staff act in their own name, on a warning that they see and as it is. When they did so is the database's to say.
    grant insert (
        warning_id, student_id, tenant_id, warning_type, subject, detected_date, action_type, action_taken_by,
        action_notes
    ) on serving.warning_actions to authenticated;
    drop policy if exists staff_act on serving.warning_actions;
    create policy staff_act on serving.warning_actions for insert to authenticated with check (
        action_taken_by = (select auth.uid())
        and public.rls_check_admin_tenant(tenant_id)
        and exists (
            select from serving.early_warnings as w
            where w.id = warning_actions.warning_id and w.student_id = warning_actions.student_id
              and w.tenant_id = warning_actions.tenant_id and w.warning_type = warning_actions.warning_type
              and w.subject = warning_actions.subject and w.detected_date = warning_actions.detected_date
        )
    );
end
$$;

insert into serving_staging.migration (version, name) values ('20261125120000', 'patterns_and_warnings')
on conflict (version) do nothing;
