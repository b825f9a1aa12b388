-- Optional: `serving` under the names that the app's code already reads, so that no line of it has to change.
-- Off by default: `tlu migrate --app-views` applies it; for the Supabase CLI copy it into migrations/.
--
-- Views run with the rights of who asks, so the policies of `serving` decide. They cannot be written to: code that
-- deletes and inserts must be taken out of the app first. A name that the app has a table for is left alone, and a
-- warning says so; drop or rename that table and run this again. Safe to run again.

do $$
declare
    view_name text;
    definition text;
    taken text[] := '{}';
begin
    for view_name, definition in values
        ('student_learning_patterns', $view$
            select
                md5('student_learning_patterns' || student_id)::uuid as id, student_id, tenant_id,
                preferred_study_times, strong_days, weak_days, frequently_incomplete_subjects,
                overall_completion_rate::numeric(5, 2), average_daily_study_minutes, total_plans_analyzed,
                study_time_analysis, day_analysis, subject_completion_analysis, daily_completion_curve, weekly_pattern,
                subject_performance_trend, fatigue_indicators, peak_productivity_hours, avg_session_duration_minutes,
                avg_weekly_completion_rate::numeric(5, 4), analyzed_period_start::date, analyzed_period_end::date,
                computed_at as calculated_at, computed_at as created_at, computed_at as updated_at
            from serving.student_learning_patterns
        $view$),
        ('student_risk_analysis', $view$
            select
                md5('student_risk_analysis' || student_id || subject)::uuid as id, student_id, tenant_id,
                subject::varchar(100), risk_score::numeric(5, 2), recent_grade_trend::integer,
                consistency_score::numeric(5, 2), mastery_estimate::numeric(5, 2), recent_3_avg_grade::numeric(5, 2),
                grade_change::numeric(5, 2), score_variance::numeric(5, 2), improvement_rate::numeric(8, 4),
                computed_at as calculated_at, computed_at as created_at, computed_at as updated_at
            from serving.student_risk_analysis
        $view$),
        ('student_analysis', $view$
            select
                md5('student_analysis' || student_id || subject)::uuid as id, student_id, tenant_id, subject,
                risk_score::numeric, recent_grade_trend::numeric, consistency_score::numeric,
                mastery_estimate::numeric, null::text as difficulty_requirement, null::jsonb as analysis_data,
                computed_at as analyzed_at, computed_at as created_at, computed_at as updated_at
            from serving.student_risk_analysis
        $view$),
        ('student_predictions', $view$
            select
                md5('student_predictions' || student_id || prediction_type || prediction_date)::uuid as id,
                student_id, tenant_id, prediction_type, prediction_date, target_period_start::date,
                target_period_end::date, prediction_score::numeric(5, 2), confidence::numeric(3, 2),
                contributing_factors, recommended_interventions, actual_outcome::numeric(5, 2),
                computed_at as created_at, computed_at as updated_at
            from serving.student_predictions
        $view$),
        ('early_warnings', $view$
            select
                warning.id, warning.student_id, warning.tenant_id, warning.warning_type, warning.severity,
                warning.detected_at, acknowledged.action_at as acknowledged_at,
                acknowledged.action_taken_by as acknowledged_by, warning.resolved_at, warning.context_data,
                warning.recommended_actions, false as notification_sent, null::timestamptz as notification_sent_at,
                null::text[] as notification_channels, warning.computed_at as created_at,
                warning.computed_at as updated_at
            from serving.early_warnings as warning
            left join lateral (
                select a.action_at, a.action_taken_by from serving.warning_actions as a
                where a.warning_id = warning.id order by a.action_at, a.id limit 1
            ) as acknowledged on true
        $view$),
        ('student_score_analysis_cache', $view$
            select student_id, internal_summary, mock_summary, strategy_summary, computed_at as updated_at
            from serving.score_summaries
        $view$)
    loop
        if exists (
            select from pg_catalog.pg_class
            where relnamespace = 'public'::regnamespace and relname = view_name and relkind <> 'v'
        ) then
            taken := taken || view_name;
            continue;
        end if;
        execute format('create or replace view public.%I with (security_invoker = true) as %s', view_name, definition);
        execute format('comment on view public.%I is ''Published by the analytics pipeline; read only.''', view_name);
        execute format('revoke all on public.%I from public', view_name);
        if to_regrole('anon') is not null then
            execute format('revoke all on public.%I from anon', view_name);
        end if;
        if to_regrole('authenticated') is not null then
            execute format('revoke all on public.%I from authenticated', view_name);
            execute format('grant select on public.%I to authenticated', view_name);
        end if;
    end loop;
    if taken <> '{}' then
        raise warning 'The app has tables of its own by the names %: no views are made for them.',
            array_to_string(taken, ', ')
            using hint = 'Drop or rename them, and run `tlu migrate --app-views` again.';
    end if;
end
$$;

insert into serving_staging.migration (version, name) values ('20261123000900', 'app_views')
on conflict (version) do nothing;
