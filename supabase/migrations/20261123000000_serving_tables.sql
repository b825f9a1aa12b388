-- What the app reads (schema serving), and what the publisher needs to replace it (schema serving_staging).
--
-- Safe to run again: nothing that exists is changed. Postgres 15 to 18, no extension.
-- Row level security is on from the start; who may read is the next migration's business.

create schema if not exists serving;
create schema if not exists serving_staging;
comment on schema serving is 'Precomputed rows that the app reads. Written by the publisher alone, in one transaction a run.';
comment on schema serving_staging is 'The publisher''s own. Never exposed.';

-- Which migrations this database has had, whoever applied them: `tlu migrate` or the Supabase CLI.
create table if not exists serving_staging.migration (
    version text primary key,
    name text not null,
    checksum text, -- of the file as `tlu migrate` applied it; null when the Supabase CLI did
    applied_at timestamptz not null default now()
);

-- One row a run that was ever published. `row_counts` and `changed_counts` are {table: n},
-- `models` is {name: {version, trained_at, metrics, baseline, in_use}}.
create table if not exists serving.publication (
    run_id text primary key,
    version integer not null unique,
    as_of text not null check (as_of ~ '^\d{4}-\d{2}-\d{2}$'), -- text: drivers turn a date into some zone's midnight
    published_at timestamptz not null,
    valid_until timestamptz not null,
    candidate_created_at timestamptz not null,
    content_hash text not null,
    row_counts jsonb not null,
    changed_counts jsonb not null,
    models jsonb not null,
    is_current boolean not null
);
create unique index if not exists publication_one_current on serving.publication (is_current) where is_current;
comment on table serving.publication is 'Every run published; the one with is_current is what the other tables hold.';

-- The other tables. fillfactor leaves room on each page, so that a changed row stays there and no index is written;
-- autovacuum comes after 2 % of dead rows, a usual night, rather than after 20 %.
--
-- There is no index but the key: a student has some 50 rows on a few pages, which the key finds in order, and a second
-- index would have to be written with every change.

create table if not exists serving.content_recommendations (
    student_id uuid not null,
    rank smallint not null check (rank >= 1),
    tenant_id uuid not null,
    content_type text not null,
    content_id uuid not null,
    subject_group text,
    subject_id uuid,
    subject_rank smallint check (subject_rank >= 1),
    score real not null check (score between 0 and 1),
    reasons jsonb not null check (jsonb_typeof(reasons) = 'array'),
    reasoning text not null,
    source text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (student_id, rank)
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
comment on table serving.content_recommendations is
    'What each student may study next, best first. `source` says which model made the row; run_id, model_version and '
    'computed_at belong to the run that last changed it.';

create table if not exists serving.fallback_recommendations (
    tenant_id uuid not null,
    school_type text collate "C" not null, -- '' where unknown
    school_year_level smallint not null, -- 0 where unknown
    subject_group text collate "C" not null, -- lower case
    rank smallint not null check (rank >= 1),
    content_type text not null,
    content_id uuid not null,
    subject_id uuid,
    score real not null check (score between 0 and 1),
    reasons jsonb not null check (jsonb_typeof(reasons) = 'array'),
    reasoning text not null,
    source text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (tenant_id, school_type, school_year_level, subject_group, rank)
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
comment on table serving.fallback_recommendations is
    'The same for students without rows of their own: one list per academy, school type, school year and subject group.';

alter table serving.publication enable row level security;
alter table serving.content_recommendations enable row level security;
alter table serving.fallback_recommendations enable row level security;

-- Candidates on their way in: no WAL, and empty after a crash, which the publisher checks for. Keyed by run, so that
-- one run never publishes what another has loaded. Columns and order as in orchestration/publishing/contracts.py.

create unlogged table if not exists serving_staging.content_recommendations (
    run_id text not null,
    student_id uuid not null,
    rank smallint not null,
    tenant_id uuid not null,
    content_type text not null,
    content_id uuid not null,
    subject_group text,
    subject_id uuid,
    subject_rank smallint,
    score real not null,
    reasons jsonb not null,
    reasoning text not null,
    source text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, student_id, rank)
);

create unlogged table if not exists serving_staging.fallback_recommendations (
    run_id text not null,
    tenant_id uuid not null,
    school_type text collate "C" not null,
    school_year_level smallint not null,
    subject_group text collate "C" not null,
    rank smallint not null,
    content_type text not null,
    content_id uuid not null,
    subject_id uuid,
    score real not null,
    reasons jsonb not null,
    reasoning text not null,
    source text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, tenant_id, school_type, school_year_level, subject_group, rank)
);

-- Every publication ever, also of a run that was published twice. Only ever appended to.
create table if not exists serving_staging.publish_log (
    version integer primary key,
    run_id text not null,
    as_of text not null,
    published_at timestamptz not null,
    candidate_created_at timestamptz not null,
    content_hash text not null,
    row_counts jsonb not null,
    changes jsonb not null, -- {table: {inserted, updated, deleted}}
    is_rollback boolean not null
);

insert into serving_staging.migration (version, name) values ('20261123000000', 'serving_tables')
on conflict (version) do nothing;
