-- Roles for what runs beside the app. None can log in until somebody says
--     alter role pipeline_transformer login password '…';
--
-- pipeline_transformer  reads the columns of the app's tables that the pipeline declares, and what is published;
--                       makes and owns the schemas of the warehouse. Writes neither the app's tables nor serving.
-- pipeline_publisher    replaces what is published, and owns the staging tables. Of the app it reads ids alone.
-- app_reader            for an app that reads with plain SQL: read only, with short time limits, and nothing at all
--                       until a transaction takes the role authenticated and a user's claims.
--
-- Safe to run again. Where the caller may not create roles nothing is made, and a warning says so: everything works
-- with one login as well.

do $$
declare
    caller pg_catalog.pg_roles%rowtype;
    role_name text;
    table_name text;
    column_names text;
    closed text[] := '{}';
begin
    select * into caller from pg_catalog.pg_roles where rolname = current_user;
    if not (caller.rolsuper or caller.rolcreaterole) then
        raise warning 'No roles of the pipeline''s own are made: % may not create roles.', current_user
            using hint = 'The pipeline then runs with the rights of its one login.';
        return;
    end if;

    foreach role_name in array array['pipeline_transformer', 'pipeline_publisher', 'app_reader'] loop
        if to_regrole(role_name) is null then
            execute format('create role %I nologin noinherit connection limit 20', role_name);
        end if;
        -- The owner of what they will own: whoever migrates next must be able to change it.
        if not caller.rolsuper then
            execute format('grant %I to %I', role_name, current_user);
        end if;
    end loop;

    -- What the app's tables hold, column by column: as in dbt_project/models/staging/app/_app__sources.yml.
    -- Whose row it is decides nothing here, so row level security lets the whole of a column through.
    for table_name, column_names in values
        ('tenants', 'id, type, created_at'),
        ('students', 'id, tenant_id, school_type, grade, curriculum_revision, memo, created_at, withdrawn_at'),
        ('curriculum_revisions', 'id, name, year'),
        ('subject_groups', 'id, curriculum_revision_id, name, is_physical_arts'),
        ('subjects', 'id, subject_group_id, name'),
        ('difficulty_levels', 'id, name'),
        ('student_terms', 'id, student_id, school_year, grade, semester, created_at'),
        ('student_internal_scores',
            'id, student_id, tenant_id, student_term_id, subject_group_id, subject_id, '
            'curriculum_revision_id, grade, semester, raw_score, avg_score, std_dev, rank_grade, '
            'grade_system, class_rank, total_students, credit_hours, achievement_level, achievement_ratio_a, '
            'achievement_ratio_b, achievement_ratio_c, achievement_ratio_d, achievement_ratio_e, notes, '
            'created_at, updated_at'),
        ('student_mock_scores',
            'id, student_id, tenant_id, subject_group_id, subject_id, grade, exam_date, exam_title, '
            'raw_score, standard_score, percentile, grade_score, created_at, updated_at'),
        ('plan_groups',
            'id, student_id, tenant_id, plan_purpose, period_start, period_end, target_date, status, '
            'created_at, updated_at, deleted_at'),
        ('plan_contents', 'id, plan_group_id, content_type, content_id, master_content_id, created_at'),
        ('student_plan',
            'id, student_id, tenant_id, plan_group_id, plan_number, content_type, content_id, '
            'content_subject_category, content_subject, plan_date, date_type, planned_start_page_or_time, '
            'planned_end_page_or_time, status, actual_start_time, started_at, actual_end_time, completed_at, '
            'estimated_minutes, actual_minutes, total_duration_seconds, paused_duration_seconds, '
            'carryover_count, carryover_from_date, is_adhoc, is_active, is_virtual, created_at, updated_at, '
            'deleted_at'),
        ('plan_satisfaction_ratings', 'id, plan_id, student_id, rating, created_at'),
        ('calendar_events',
            'id, student_id, tenant_id, plan_group_id, start_date, start_at, status, is_task, is_exclusion, '
            'rrule, exdates, recurring_event_id, original_start_at, created_at, updated_at, deleted_at'),
        ('event_study_data',
            'event_id, content_type, content_id, master_content_id, subject_category, subject_name, '
            'planned_start_page, planned_end_page, done, done_at, estimated_minutes, actual_minutes'),
        ('student_study_sessions',
            'id, student_id, tenant_id, plan_id, content_type, content_id, started_at, ended_at, '
            'last_heartbeat, paused_duration_seconds, created_at'),
        ('student_content_progress', 'id, student_id, plan_id, content_type, content_id, completed_amount, last_updated'),
        ('student_history', 'id, student_id, event_type, created_at'),
        ('student_goals',
            'id, student_id, goal_type, content_id, subject, expected_amount, start_date, end_date, '
            'created_at'),
        ('student_goal_progress', 'id, goal_id, student_id, progress_amount, created_at'),
        ('attendance_records', 'id, student_id, attendance_date, status, created_at, updated_at'),
        ('daily_check_ins', 'id, student_id, check_date, checked_at, created_at'),
        ('books', 'id, student_id, master_content_id, created_at'),
        ('lectures', 'id, student_id, master_lecture_id, master_content_id, created_at'),
        ('student_custom_contents', 'id, student_id, created_at'),
        ('master_books',
            'id, tenant_id, subject_group_id, subject_id, subject_category, subject, difficulty_level_id, '
            'difficulty_level, curriculum_revision_id, revision, created_at, school_type, grade_min, '
            'grade_max, series_name, total_pages, is_active, updated_at'),
        ('book_details', 'id, book_id, page_number, display_order, created_at'),
        ('master_lectures',
            'id, tenant_id, subject_group_id, subject_id, subject_category, subject, difficulty_level_id, '
            'difficulty_level, curriculum_revision_id, revision, created_at, total_episodes, is_active, '
            'updated_at'),
        ('lecture_episodes', 'id, lecture_id, episode_number, duration, created_at'),
        ('master_custom_contents',
            'id, tenant_id, subject_group_id, subject_id, subject_category, subject, difficulty_level_id, '
            'difficulty_level, curriculum_revision_id, revision, created_at, total_page_or_time'),
        ('content_difficulty_analysis',
            'id, content_type, content_id, overall_difficulty_score, difficulty_confidence, '
            'estimated_hours_per_unit, analyzed_at, created_at'),
        ('content_dependencies',
            'id, tenant_id, plan_group_id, scope, prerequisite_content_type, prerequisite_content_id, '
            'dependent_content_type, dependent_content_id, created_at'),
        ('student_block_sets', 'id, student_id, created_at'),
        ('student_block_schedule', 'id, block_set_id, student_id, day_of_week, start_time, end_time, created_at'),
        ('time_slots', 'id, tenant_id, slot_order, slot_type, start_time, end_time, is_active, created_at'),
        ('tenant_scheduler_settings',
            'tenant_id, default_study_days, default_review_days, default_weak_subject_focus, '
            'default_study_hours, default_self_study_hours, default_lunch_time, created_at, updated_at'),
        -- For people: `tlu show` prints titles beside the ids that are published.
        ('master_books', 'title'),
        ('master_lectures', 'title'),
        ('master_custom_contents', 'title')
    loop
        if to_regclass('public.' || table_name) is null then
            continue;
        end if;
        if not pg_has_role(current_user, (select relowner from pg_catalog.pg_class
                where oid = to_regclass('public.' || table_name)), 'usage') then
            closed := closed || table_name;
            continue;
        end if;
        -- A column that this database lacks is the run's business: it names all that is missing.
        execute format(
            'grant select (%s) on public.%I to pipeline_transformer',
            (
                select string_agg(quote_ident(attname), ', ' order by attnum) from pg_catalog.pg_attribute
                where attrelid = to_regclass('public.' || table_name) and attnum > 0 and not attisdropped
                  and attname = any(string_to_array(column_names, ', '))
            ),
            table_name
        );
        if table_name in ('students', 'tenants') then
            execute format('grant select (id) on public.%I to pipeline_publisher', table_name);
        end if;
        -- Only once: making a policy locks the table for a moment. A view has none.
        if exists (
            select from pg_catalog.pg_class where oid = to_regclass('public.' || table_name) and relkind in ('r', 'p')
        ) and not exists (
            select from pg_catalog.pg_policy
            where polrelid = to_regclass('public.' || table_name) and polname = 'pipeline_reads'
        ) then
            execute format(
                'create policy pipeline_reads on public.%I for select to pipeline_transformer, pipeline_publisher '
                'using (true)', table_name
            );
        end if;
    end loop;
    if to_regclass('public.students') is not null and not 'students' = any(closed) then
        grant select (tenant_id) on public.students to pipeline_publisher;
    end if;
    if closed <> '{}' then
        raise warning 'pipeline_transformer may not read %: % does not own them.', array_to_string(closed, ', '), current_user
            using hint = 'Let their owner run this migration again.';
    end if;

    grant usage on schema public to pipeline_transformer, pipeline_publisher;
    execute format('grant connect, create on database %I to pipeline_transformer', current_database());
    execute format('grant connect on database %I to pipeline_publisher, app_reader', current_database());

    grant usage on schema serving to pipeline_transformer, pipeline_publisher;
    grant usage on schema serving_staging to pipeline_transformer, pipeline_publisher;
    grant select on serving_staging.migration to pipeline_transformer, pipeline_publisher;
    grant select, insert on serving_staging.publish_log to pipeline_publisher;
    grant select on all tables in schema serving to pipeline_transformer;
    grant select, insert, update, delete on all tables in schema serving to pipeline_publisher;
    grant execute on all functions in schema serving to pipeline_transformer;
    for table_name in
        select relname from pg_catalog.pg_class where relnamespace = 'serving'::regnamespace and relkind = 'r'
    loop
        execute format('drop policy if exists pipeline_reads on serving.%I', table_name);
        execute format('drop policy if exists publisher_writes on serving.%I', table_name);
        execute format(
            'create policy pipeline_reads on serving.%I for select to pipeline_transformer using (true)', table_name
        );
        execute format(
            'create policy publisher_writes on serving.%I for all to pipeline_publisher using (true) with check (true)',
            table_name
        );
    end loop;

    -- Owner, because before Postgres 17 nobody else may analyze a table.
    grant create on schema serving_staging to pipeline_publisher;
    for table_name in
        select relname from pg_catalog.pg_class
        where relnamespace = 'serving_staging'::regnamespace and relkind = 'r' and relpersistence = 'u'
          and relowner <> 'pipeline_publisher'::regrole
    loop
        execute format('alter table serving_staging.%I owner to pipeline_publisher', table_name);
    end loop;
    revoke create on schema serving_staging from pipeline_publisher;

    -- The reader of the app gives up before its user does; see nextjs/.
    alter role app_reader set default_transaction_read_only = on;
    alter role app_reader set statement_timeout = '1s';
    alter role app_reader set idle_in_transaction_session_timeout = '5s';
    if to_regrole('authenticated') is not null and not pg_has_role('app_reader', 'authenticated', 'member') then
        if caller.rolsuper or pg_has_role(current_user, 'authenticated', 'member with admin option') then
            grant authenticated to app_reader;
        else
            raise warning 'app_reader reads nothing: % may not make it a member of authenticated.', current_user;
        end if;
    end if;
end
$$;

insert into serving_staging.migration (version, name) values ('20261123000600', 'pipeline_roles')
on conflict (version) do nothing;
