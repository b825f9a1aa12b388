-- Who may read `serving`: a student own rows, a parent those of linked children, staff their academy, a superadmin all;
-- nobody else, and nobody writes. The rules call the app's own helpers.
--
-- Safe to run again. Where Supabase's roles, auth.uid() or the helpers are missing, everything stays closed (row level
-- security without a policy) and a warning says so.

do $$
declare
    missing text[];
begin
    select array_agg(needed.name order by needed.name) into missing
    from (
        select 'role authenticated' as name
        where not exists (select from pg_catalog.pg_roles where rolname = 'authenticated')
        union all
        select 'function ' || signature
        from unnest(array[
            'auth.uid()',
            'public.rls_check_parent_student(uuid)',
            'public.rls_check_admin_tenant(uuid)',
            'public.rls_check_tenant_member(uuid)',
            'public.rls_check_is_superadmin()'
        ]) as signature
        where to_regprocedure(signature) is null
    ) as needed;

    if missing is not null then
        raise warning 'The serving tables stay closed to the app: this database lacks %.', array_to_string(missing, ', ')
            using hint = 'Once they exist, run `tlu migrate` again.';
        return;
    end if;

    grant usage on schema serving to authenticated;
    grant select on serving.publication, serving.content_recommendations, serving.fallback_recommendations
        to authenticated;
    grant execute on function serving.recommend_contents(uuid, uuid[], integer) to authenticated;

    -- One policy a table and action. The cheap tests come first: what holds ends the search.
    drop policy if exists app_reads on serving.publication;
    create policy app_reads on serving.publication for select to authenticated using (true);

    drop policy if exists app_reads on serving.content_recommendations;
    create policy app_reads on serving.content_recommendations for select to authenticated using (
        student_id = (select auth.uid())
        or (select public.rls_check_is_superadmin())
        or public.rls_check_admin_tenant(tenant_id)
        or public.rls_check_parent_student(student_id)
    );

    drop policy if exists app_reads on serving.fallback_recommendations;
    create policy app_reads on serving.fallback_recommendations for select to authenticated using (
        (select public.rls_check_is_superadmin()) or public.rls_check_tenant_member(tenant_id)
    );
end
$$;

insert into serving_staging.migration (version, name) values ('20261123000200', 'serving_access')
on conflict (version) do nothing;
