-- Who may read the tables and call the functions of all products: as in serving_access, a student own rows, a parent those
-- of linked children, staff their academy, a superadmin all; a cohort's rows whoever belongs to the academy.
--
-- Safe to run again. Where serving_access could open nothing, this opens nothing either, and its warning stands.

do $$
declare
    table_name text;
begin
    if to_regrole('authenticated') is null or to_regprocedure('public.rls_check_parent_student(uuid)') is null
        or to_regprocedure('public.rls_check_admin_tenant(uuid)') is null
        or to_regprocedure('public.rls_check_tenant_member(uuid)') is null
        or to_regprocedure('public.rls_check_is_superadmin()') is null or to_regprocedure('auth.uid()') is null
    then
        return;
    end if;

    grant execute on function serving.predict_score(uuid, uuid, date), serving.analyze_patterns(uuid) to authenticated;

    foreach table_name in array array[
        'score_predictions', 'score_summaries', 'student_learning_patterns', 'student_risk_analysis',
        'student_predictions', 'early_warnings', 'study_schedule_proposals', 'student_reports'
    ]
    loop
        execute format('grant select on serving.%I to authenticated', table_name);
        execute format('drop policy if exists app_reads on serving.%I', table_name);
        execute format(
            'create policy app_reads on serving.%I for select to authenticated using ('
            'student_id = (select auth.uid()) or (select public.rls_check_is_superadmin()) '
            'or public.rls_check_admin_tenant(tenant_id) or public.rls_check_parent_student(student_id))',
            table_name
        );
    end loop;

    foreach table_name in array array['fallback_score_predictions', 'fallback_learning_patterns']
    loop
        execute format('grant select on serving.%I to authenticated', table_name);
        execute format('drop policy if exists app_reads on serving.%I', table_name);
        execute format(
            'create policy app_reads on serving.%I for select to authenticated using ('
            '(select public.rls_check_is_superadmin()) or public.rls_check_tenant_member(tenant_id))',
            table_name
        );
    end loop;
end
$$;

insert into serving_staging.migration (version, name) values ('20261123000500', 'serving_access_products')
on conflict (version) do nothing;
