-- The tables of the other products: score predictions, learning patterns, risk, outlook, warnings, schedules, reports.
-- Safe to run again. They stay empty until their product publishes; its rows then come with the same transaction as all
-- others. A product's staging table comes with the product.
--
-- Types that every driver reads alike: no numeric, no bigint; a date only in keys, elsewhere as text YYYY-MM-DD.

create table if not exists serving.score_predictions (
    student_id uuid not null,
    subject_group text collate "C" not null,
    exam_kind text collate "C" not null check (exam_kind in ('internal', 'mock')),
    target_date date not null,
    tenant_id uuid not null,
    current_score real check (current_score between 0 and 100),
    predicted_score real not null check (predicted_score between 0 and 100),
    lower real not null check (lower between 0 and 100),
    upper real not null check (upper between 0 and 100),
    confidence real not null check (confidence between 0 and 1),
    trend text not null check (trend in ('improving', 'stable', 'declining', 'unknown')),
    factors jsonb not null check (jsonb_typeof(factors) = 'array'),
    basis text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (student_id, subject_group, exam_kind, target_date),
    check (lower <= predicted_score and predicted_score <= upper)
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
comment on table serving.score_predictions is
    'The score a student is expected to reach on a day, as a percentile, with its 80 % interval.';

create table if not exists serving.fallback_score_predictions (
    tenant_id uuid not null,
    school_type text collate "C" not null, -- '' where unknown
    school_year_level smallint not null, -- 0 where unknown
    subject_group text collate "C" not null,
    exam_kind text collate "C" not null check (exam_kind in ('internal', 'mock')),
    predicted_score real not null check (predicted_score between 0 and 100),
    lower real not null check (lower between 0 and 100),
    upper real not null check (upper between 0 and 100),
    confidence real not null check (confidence between 0 and 1),
    basis text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (tenant_id, school_type, school_year_level, subject_group, exam_kind),
    check (lower <= predicted_score and predicted_score <= upper)
) with (fillfactor = 85);
comment on table serving.fallback_score_predictions is 'The same for students without rows of their own: their cohort''s.';

create table if not exists serving.score_summaries (
    student_id uuid primary key,
    tenant_id uuid not null,
    internal_summary jsonb,
    mock_summary jsonb,
    strategy_summary jsonb,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null
) with (fillfactor = 85);
comment on table serving.score_summaries is 'The app''s student_score_analysis_cache, filled.';

create table if not exists serving.student_learning_patterns (
    student_id uuid primary key,
    tenant_id uuid not null,
    preferred_study_times text[] not null,
    strong_days integer[] not null, -- 0 is Sunday
    weak_days integer[] not null,
    frequently_incomplete_subjects text[] not null,
    overall_completion_rate real check (overall_completion_rate between 0 and 100),
    average_daily_study_minutes integer check (average_daily_study_minutes >= 0),
    total_plans_analyzed integer not null check (total_plans_analyzed >= 0),
    study_time_analysis jsonb not null,
    day_analysis jsonb not null,
    subject_completion_analysis jsonb not null,
    daily_completion_curve jsonb,
    weekly_pattern jsonb,
    subject_performance_trend jsonb,
    fatigue_indicators jsonb,
    peak_productivity_hours integer[] not null, -- 0 to 23, Seoul
    avg_session_duration_minutes integer check (avg_session_duration_minutes >= 0),
    avg_weekly_completion_rate real check (avg_weekly_completion_rate between 0 and 1),
    analyzed_period_start text not null check (analyzed_period_start ~ '^\d{4}-\d{2}-\d{2}$'),
    analyzed_period_end text not null check (analyzed_period_end ~ '^\d{4}-\d{2}-\d{2}$'),
    basis text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null
) with (fillfactor = 85);
comment on table serving.student_learning_patterns is 'When and how well a student studies, in the shape that the app''s code expects.';

create table if not exists serving.fallback_learning_patterns (
    tenant_id uuid not null,
    school_type text collate "C" not null, -- '' where unknown
    school_year_level smallint not null, -- 0 where unknown
    preferred_study_times text[] not null,
    strong_days integer[] not null,
    weak_days integer[] not null,
    overall_completion_rate real check (overall_completion_rate between 0 and 100),
    average_daily_study_minutes integer check (average_daily_study_minutes >= 0),
    peak_productivity_hours integer[] not null,
    avg_session_duration_minutes integer check (avg_session_duration_minutes >= 0),
    student_count integer not null check (student_count >= 5),
    basis text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (tenant_id, school_type, school_year_level)
) with (fillfactor = 85);
comment on table serving.fallback_learning_patterns is 'The same for students without a row of their own: their cohort''s, five students or more.';

create table if not exists serving.student_risk_analysis (
    student_id uuid not null,
    subject text collate "C" not null, -- subject group, lower case; the app calls it subject
    tenant_id uuid not null,
    risk_score real not null check (risk_score between 0 and 100), -- higher is riskier
    recent_grade_trend smallint not null check (recent_grade_trend between -1 and 1), -- +1 is better
    consistency_score real check (consistency_score between 0 and 100),
    mastery_estimate real check (mastery_estimate between 0 and 100),
    recent_3_avg_grade real,
    grade_change real, -- positive is worse
    score_variance real, -- the app's name; holds the standard deviation of raw scores
    improvement_rate real,
    factors jsonb not null check (jsonb_typeof(factors) = 'array'),
    basis text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (student_id, subject)
) with (fillfactor = 85);
comment on table serving.student_risk_analysis is 'How much a student is at risk in a subject group, 0 to 100.';

create table if not exists serving.student_predictions (
    student_id uuid not null,
    prediction_type text collate "C" not null
        check (prediction_type in ('weekly_completion', 'subject_struggle', 'burnout_risk', 'exam_readiness')),
    prediction_date date not null,
    tenant_id uuid not null,
    target_period_start text not null check (target_period_start ~ '^\d{4}-\d{2}-\d{2}$'),
    target_period_end text not null check (target_period_end ~ '^\d{4}-\d{2}-\d{2}$'),
    prediction_score real not null check (prediction_score between 0 and 100),
    confidence real not null check (confidence between 0 and 1),
    contributing_factors jsonb not null check (jsonb_typeof(contributing_factors) = 'array'),
    recommended_interventions jsonb not null check (jsonb_typeof(recommended_interventions) = 'array'),
    actual_outcome real check (actual_outcome between 0 and 100), -- known once the period is over
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (student_id, prediction_type, prediction_date)
) with (fillfactor = 85);
comment on table serving.student_predictions is 'What is likely in the coming days, and later what came of it.';

create table if not exists serving.early_warnings (
    student_id uuid not null,
    warning_type text collate "C" not null check (warning_type in (
        'completion_drop', 'streak_break', 'subject_struggle', 'burnout_risk', 'schedule_overload',
        'exam_unpreparedness'
    )),
    detected_date date not null,
    tenant_id uuid not null,
    severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
    detected_at timestamptz not null,
    resolved_at timestamptz,
    context_data jsonb not null check (jsonb_typeof(context_data) = 'object'),
    recommended_actions jsonb not null check (jsonb_typeof(recommended_actions) = 'array'),
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (student_id, warning_type, detected_date)
) with (fillfactor = 85);
comment on table serving.early_warnings is 'What staff should look at. Acknowledging a warning is the app''s, in a table of its own.';

create table if not exists serving.study_schedule_proposals (
    student_id uuid not null,
    study_date date not null,
    slot smallint not null check (slot >= 1),
    tenant_id uuid not null,
    starts_at timestamptz,
    ends_at timestamptz,
    content_type text,
    content_id uuid,
    subject_group text,
    planned_units integer check (planned_units >= 0),
    reasons jsonb not null check (jsonb_typeof(reasons) = 'array'),
    failure_reasons jsonb not null check (jsonb_typeof(failure_reasons) = 'array'),
    reasoning text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (student_id, study_date, slot),
    check (ends_at > starts_at)
) with (fillfactor = 85);
comment on table serving.study_schedule_proposals is 'What to study when, and why; what did not fit, and why not.';

create table if not exists serving.student_reports (
    student_id uuid not null,
    period_type text collate "C" not null check (period_type in ('weekly', 'monthly')),
    period_start date not null,
    tenant_id uuid not null,
    period_end text not null check (period_end ~ '^\d{4}-\d{2}-\d{2}$'),
    report jsonb not null check (jsonb_typeof(report) = 'object'),
    page text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (student_id, period_type, period_start)
) with (fillfactor = 85);
comment on table serving.student_reports is 'The weekly and the monthly report: its figures, and a page rendered from them.';

alter table serving.score_predictions enable row level security;
alter table serving.fallback_score_predictions enable row level security;
alter table serving.score_summaries enable row level security;
alter table serving.student_learning_patterns enable row level security;
alter table serving.fallback_learning_patterns enable row level security;
alter table serving.student_risk_analysis enable row level security;
alter table serving.student_predictions enable row level security;
alter table serving.early_warnings enable row level security;
alter table serving.study_schedule_proposals enable row level security;
alter table serving.student_reports enable row level security;

insert into serving_staging.migration (version, name) values ('20261123000300', 'product_tables')
on conflict (version) do nothing;
