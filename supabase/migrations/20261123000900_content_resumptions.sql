-- Contents that a student has begun and left: apart from what is new, so that a list of new contents stays one.
--
-- Safe to run again.

create table if not exists serving.content_resumptions (
    student_id uuid not null,
    rank smallint not null check (rank >= 1),
    tenant_id uuid not null,
    content_type text not null,
    content_id uuid not null,
    subject_group text,
    subject_id uuid,
    done_share real check (done_share between 0 and 1), -- null where the content's length is unknown
    last_done_date text not null, -- YYYY-MM-DD, in Seoul
    reasons jsonb not null check (jsonb_typeof(reasons) = 'array'),
    reasoning text not null,
    run_id text not null,
    model_version text not null,
    computed_at timestamptz not null,
    primary key (student_id, rank)
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
comment on table serving.content_resumptions is
    'What each student has begun and left, worth taking up again, best first. Never among content_recommendations.';
alter table serving.content_resumptions enable row level security;

create unlogged table if not exists serving_staging.content_resumptions (
    run_id text not null,
    student_id uuid not null,
    rank smallint not null,
    tenant_id uuid not null,
    content_type text not null,
    content_id uuid not null,
    subject_group text,
    subject_id uuid,
    done_share real,
    last_done_date text not null,
    reasons jsonb not null,
    reasoning text not null,
    loaded_at timestamptz not null default now(),
    primary key (run_id, student_id, rank)
);

create or replace function serving.resume_contents(student_id uuid, max_items integer default 10)
returns table (
    rank integer,
    content_type text,
    content_id uuid,
    subject_group text,
    subject_id uuid,
    done_share real,
    last_done_date text,
    reasons jsonb,
    reasoning text,
    source text,
    as_of text,
    model_version text
)
language sql stable security invoker set search_path = ''
begin atomic
    select
        r.rank::integer, r.content_type, r.content_id, r.subject_group, r.subject_id, r.done_share, r.last_done_date,
        r.reasons, r.reasoning, case when now() <= p.valid_until then 'personal' else 'stale' end, p.as_of,
        r.model_version
    from serving.content_resumptions as r
    left join serving.publication as p on p.is_current
    where r.student_id = resume_contents.student_id
    order by r.rank
    limit least(greatest(coalesce(max_items, 10), 1), 50);
end;
comment on function serving.resume_contents(uuid, integer) is
    'What the student has begun and left, best first; none where nothing waits.';
revoke execute on function serving.resume_contents(uuid, integer) from public;

do $$
begin
    if to_regrole('pipeline_transformer') is not null and to_regrole('pipeline_publisher') is not null then
        grant select on serving.content_resumptions to pipeline_transformer;
        grant execute on function serving.resume_contents(uuid, integer) to pipeline_transformer;
        grant select, insert, update, delete on serving.content_resumptions to pipeline_publisher;
        drop policy if exists pipeline_reads on serving.content_resumptions;
        drop policy if exists publisher_writes on serving.content_resumptions;
        create policy pipeline_reads on serving.content_resumptions for select to pipeline_transformer using (true);
        create policy publisher_writes on serving.content_resumptions for all to pipeline_publisher
            using (true) with check (true);
        -- Owner, because before Postgres 17 nobody else may analyze a table.
        grant create on schema serving_staging to pipeline_publisher;
        alter table serving_staging.content_resumptions owner to pipeline_publisher;
        revoke create on schema serving_staging from pipeline_publisher;
    end if;

    -- As in serving_access: where it could open nothing, this opens nothing either, and its warning stands.
    if to_regrole('authenticated') is null or to_regprocedure('public.rls_check_parent_student(uuid)') is null
        or to_regprocedure('public.rls_check_admin_tenant(uuid)') is null
        or to_regprocedure('public.rls_check_is_superadmin()') is null or to_regprocedure('auth.uid()') is null
    then
        return;
    end if;
    grant select on serving.content_resumptions to authenticated;
    grant execute on function serving.resume_contents(uuid, integer) to authenticated;
    drop policy if exists app_reads on serving.content_resumptions;
    create policy app_reads on serving.content_resumptions for select to authenticated using (
        student_id = (select auth.uid()) or (select public.rls_check_is_superadmin())
        or public.rls_check_admin_tenant(tenant_id) or public.rls_check_parent_student(student_id)
    );
end
$$;

insert into serving_staging.migration (version, name) values ('20261123000900', 'content_resumptions')
on conflict (version) do nothing;
