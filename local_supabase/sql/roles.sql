-- Who may read what in the stand-in: Supabase's roles, its auth schema, the app's helpers, row level security.
-- Safe to run again: it changes only what differs. Needs a superuser, as roles with BYPASSRLS do.
-- On Supabase all of this exists already; nothing here is ever run there.

-- Roles belong to the whole server, so two databases may be installed at once: schema.py holds a lock over this file.
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'anon') then
        create role anon nologin noinherit;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
        create role authenticated nologin noinherit;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
        create role service_role nologin noinherit bypassrls;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'authenticator') then
        create role authenticator login noinherit;
    end if;
end
$$;

grant anon, authenticated, service_role to authenticator;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';

-- Who is asking: the claims of the request's token, which PostgREST sets for one transaction.
-- Afterwards such a setting is '' and not null.

create schema if not exists auth;

create table if not exists auth.users (
    id uuid primary key,
    email text
);

create or replace function auth.jwt() returns jsonb
language sql stable set search_path = '' as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
$$;

-- Null unless the token names a user: then no comparison holds, and no row is seen.
-- Supabase's own function raises on a subject that is not a uuid; both show nothing.
create or replace function auth.uid() returns uuid
language sql stable set search_path = '' as $$
    select case when subject ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then subject::uuid end
    from (
        select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''), auth.jwt() ->> 'sub') as subject
    ) as request
$$;

create or replace function auth.role() returns text
language sql stable set search_path = '' as $$
    select coalesce(nullif(current_setting('request.jwt.claim.role', true), ''), auth.jwt() ->> 'role')
$$;

grant usage on schema auth, public to anon, authenticated, service_role;
revoke execute on all functions in schema auth from public;
grant execute on all functions in schema auth to anon, authenticated, service_role;

-- The app's helpers. They answer for the user who asks, past row level security, and never null.

create or replace function public.rls_check_student_own(p_student_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select coalesce(p_student_id = auth.uid(), false)
$$;

create or replace function public.rls_check_parent_student(p_student_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select exists (
        select from public.parent_student_links
        where parent_id = auth.uid() and student_id = p_student_id
    )
$$;

create or replace function public.rls_check_is_superadmin() returns boolean
language sql stable security definer set search_path = '' as $$
    select exists (select from public.admin_users where id = auth.uid() and role = 'superadmin')
$$;

create or replace function public.is_super_admin() returns boolean
language sql stable security definer set search_path = '' as $$
    select public.rls_check_is_superadmin()
$$;

create or replace function public.rls_check_admin_member() returns boolean
language sql stable security definer set search_path = '' as $$
    select exists (select from public.admin_users where id = auth.uid())
$$;

create or replace function public.rls_check_admin_tenant(p_tenant_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select exists (
        select from public.admin_users
        where id = auth.uid() and tenant_id = p_tenant_id and role in ('admin', 'consultant')
    )
$$;

create or replace function public.rls_check_admin_only_tenant(p_tenant_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select exists (
        select from public.admin_users
        where id = auth.uid() and tenant_id = p_tenant_id and role = 'admin'
    )
$$;

-- A superadmin belongs to no tenant and may enter all of them.
create or replace function public.rls_check_admin_full_tenant(p_tenant_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select public.rls_check_admin_tenant(p_tenant_id) or public.rls_check_is_superadmin()
$$;

create or replace function public.rls_check_admin_or_superadmin_tenant(p_tenant_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select public.rls_check_admin_only_tenant(p_tenant_id) or public.rls_check_is_superadmin()
$$;

create or replace function public.get_user_tenant_id() returns uuid
language sql stable security definer set search_path = '' as $$
    select tenant_id from public.user_profiles where id = auth.uid()
$$;

create or replace function public.rls_check_tenant_member(p_tenant_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select coalesce(p_tenant_id = public.get_user_tenant_id(), false)
$$;

create or replace function public.rls_check_tenant_member_v2(p_tenant_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select public.rls_check_tenant_member(p_tenant_id)
$$;

do $$
declare
    helper regprocedure;
begin
    for helper in
        select oid::regprocedure from pg_catalog.pg_proc
        where pronamespace = 'public'::regnamespace
          and (proname like 'rls\_check\_%' or proname in ('is_super_admin', 'get_user_tenant_id'))
    loop
        execute format('revoke execute on function %s from public', helper);
        execute format('grant execute on function %s to authenticated, service_role', helper);
    end loop;
end
$$;

-- Row level security: one read policy a table, and read grants only. Writing is the app's own business.
-- A table that no rule below fits gets row level security without a policy: nobody but the service role sees it.
-- A policy carries its rule as its comment; a table whose comment is up to date is left alone, and unlocked.

do $$
declare
    own constant text := 'student_id = (select auth.uid())';
    parent constant text := ' or public.rls_check_parent_student(student_id)';
    staff constant text := 'public.rls_check_admin_tenant(tenant_id)';
    superadmin constant text := ' or (select public.rls_check_is_superadmin())';
    everybody constant text := 'true';
    member constant text := 'tenant_id = (select public.get_user_tenant_id())';
    -- The app lets parents see plans and mock scores, not these.
    hidden_from_parents constant text[] := array[
        'student_internal_scores', 'student_study_sessions', 'student_history', 'student_goals', 'student_goal_progress'
    ];
    particular constant jsonb := jsonb_build_object(
        -- people
        'students', 'id = (select auth.uid()) or public.rls_check_parent_student(id) or ' || member || superadmin,
        'user_profiles', 'id = (select auth.uid()) or public.rls_check_parent_student(id) or ' || staff || superadmin,
        'admin_users', 'id = (select auth.uid()) or ' || staff || superadmin,
        'parent_student_links', 'parent_id = (select auth.uid()) or ' || own || ' or ' || staff || superadmin,
        -- what hangs on a visible row
        'calendars', 'owner_id = (select auth.uid()) or ' || staff || superadmin,
        'plan_contents', 'exists (select from public.plan_groups as parent where parent.id = plan_group_id)',
        'event_study_data', 'exists (select from public.calendar_events as parent where parent.id = event_id)',
        'student_score_analysis_cache', own || ' or exists (select from public.students as parent'
            || ' where parent.id = student_id and public.rls_check_admin_tenant(parent.tenant_id))' || superadmin,
        -- the tenant's own
        'tenants', 'id = (select public.get_user_tenant_id())' || superadmin,
        'tenant_scheduler_settings', member || superadmin,
        'time_slots', member || superadmin,
        'recommendation_settings', member || ' or tenant_id is null' || superadmin,
        'content_dependencies', member || ' or tenant_id is null' || superadmin,
        'student_cohort_benchmarks', staff || superadmin,
        -- catalogue
        'master_books', everybody,
        'master_lectures', everybody,
        'master_custom_contents', everybody,
        'book_details', everybody,
        'lecture_episodes', everybody,
        'content_difficulty_analysis', everybody,
        'curriculum_revisions', everybody,
        'subject_groups', everybody,
        'subject_types', everybody,
        'subjects', everybody,
        'difficulty_levels', everybody
    );
    item record;
begin
    for item in
        select
            c.oid as id,
            c.oid::regclass as name,
            p.oid as policy,
            coalesce(particular ->> c.relname, case
                when keys.names @> array['student_id', 'tenant_id']
                then own || case when c.relname = any(hidden_from_parents) then '' else parent end
                    || ' or ' || staff || superadmin
            end) as rule
        from pg_catalog.pg_class as c
        left join pg_catalog.pg_policy as p on p.polrelid = c.oid and p.polname = 'stand_in_read'
        cross join lateral (
            select array_agg(a.attname::text) as names from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        ) as keys
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        order by c.relname
    loop
        if not (select relrowsecurity from pg_catalog.pg_class where oid = item.id) then
            execute format('alter table %s enable row level security', item.name);
            execute format('grant select on %s to authenticated', item.name);
            execute format('grant all on %s to service_role', item.name);
        end if;
        if item.rule is distinct from obj_description(item.policy, 'pg_policy') then
            execute format('drop policy if exists stand_in_read on %s', item.name);
            execute format('create policy stand_in_read on %s for select to authenticated using (%s)', item.name, item.rule);
            execute format('comment on policy stand_in_read on %s is %L', item.name, item.rule);
        end if;
    end loop;
end
$$;
