from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from local_supabase import schema
from orchestration.publishing import migrations
from orchestration.publishing.contracts import ORIGIN, PUBLISHED_TABLES
from orchestration.publishing.errors import MigrationError
from orchestration.publishing.migrations import FOLDER, migrate, pending

# Everything in the catalogue that a second application might change, and would not under a transaction id.
CATALOGUE = """
    select 'column', attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod), attnotnull::text
    from pg_attribute join pg_class c on c.oid = attrelid
    where relnamespace::regnamespace::text like 'serving%' and attnum > 0 and not attisdropped
    union all
    select relkind::text, c.oid::regclass::text, relpersistence::text, reloptions::text,
        relrowsecurity::text || relacl::text || obj_description(c.oid)
    from pg_class c where relnamespace::regnamespace::text like 'serving%'
    union all
    select 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), null
    from pg_constraint where connamespace::regnamespace::text like 'serving%'
    union all
    select 'function', oid::regprocedure::text, pg_get_functiondef(oid), proacl::text, null
    from pg_proc where pronamespace::regnamespace::text like 'serving%'
    union all
    select 'policy', polrelid::regclass::text, polname::text, pg_get_expr(polqual, polrelid), polroles::regrole[]::text
    from pg_policy
    order by 1, 2, 3
"""
NAMES = [str(migration) for migration in migrations.migrations()]
# Tables of products that no run publishes yet, and what the app itself writes.
TO_COME = {"study_schedule_proposals", "student_reports"}
OF_THE_APP = {"warning_actions"}
SPELLED = {"timestamptz": "timestamp with time zone"}


def catalogue(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(CATALOGUE).fetchall()


def test_from_empty_and_again(postgres_url: str) -> None:
    assert [str(m) for m in pending(postgres_url)] == NAMES
    assert migrate(postgres_url) == NAMES
    before = catalogue(postgres_url)
    assert len(before) > 40
    assert pending(postgres_url) == []
    assert migrate(postgres_url) == []
    assert migrate(postgres_url, again=True) == NAMES
    assert catalogue(postgres_url) == before


def test_contract_and_tables_agree(postgres_url: str) -> None:
    """Names, types, nulls and keys, live and staged; of what is staged the order, too."""
    migrate(postgres_url)
    columns = """
        select attname::text, format_type(atttypid, atttypmod), not attnotnull from pg_attribute
        where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum
    """
    key = """
        select array_agg(attname::text order by array_position(conkey, attnum)) from pg_constraint
        join pg_attribute on attrelid = conrelid and attnum = any(conkey)
        where conrelid = %s::regclass and contype = 'p'
    """
    with psycopg.connect(postgres_url) as connection:
        published = {
            name
            for (name,) in connection.execute(
                "select relname::text from pg_class where relnamespace = 'serving'::regnamespace and relkind = 'r'"
            )
        }
        assert published == {table.name for table in PUBLISHED_TABLES} | {"publication"} | TO_COME | OF_THE_APP
        for table in PUBLISHED_TABLES:
            promised = [(c.name, SPELLED.get(c.type, c.type), c.is_nullable) for c in table.columns]
            live = connection.execute(columns, [f"serving.{table.name}"]).fetchall()
            assert sorted(column for column in live if column[0] not in ORIGIN) == sorted(promised)
            assert {name for name, _, _ in live} >= set(ORIGIN)
            staged = connection.execute(columns, [f"serving_staging.{table.name}"]).fetchall()
            assert staged[1:-1] == promised
            assert (staged[0][0], staged[-1][0]) == ("run_id", "loaded_at")
            assert connection.execute(key, [f"serving.{table.name}"]).fetchone() == (list(table.key_names),)
            assert any(c.name == "tenant_id" for c in table.columns)
            assert any(c.name == table.owner.column for c in table.columns)


def test_what_a_later_migration_replaces_stands_after_all_ran_again(postgres_url: str) -> None:
    """An older migration brings back its own body, key and policies; each time the newest has the last word."""
    schema.install(postgres_url)
    for again in (False, True):
        migrate(postgres_url, again=again)
        with psycopg.connect(postgres_url) as connection:
            [(body, key, readers, columns)] = connection.execute(
                """
                select
                    pg_get_functiondef('serving.analyze_patterns(uuid)'::regprocedure),
                    (select pg_get_constraintdef(oid) from pg_constraint
                     where conrelid = 'serving.early_warnings'::regclass and contype = 'p'),
                    (select pg_get_expr(polqual, polrelid) from pg_policy
                     where polrelid = 'serving.early_warnings'::regclass and polname = 'app_reads'),
                    (select array_agg(attname::text order by attname) from pg_attribute
                     where attrelid = 'serving.warning_actions'::regclass and attnum > 0
                       and not has_column_privilege('pipeline_transformer', attrelid, attnum, 'select'))
                """
            ).fetchall()
            privileges = connection.execute(
                "select has_table_privilege('pipeline_publisher', 'serving.warning_actions', p)"
                " from unnest(array['select', 'insert', 'update', 'delete', 'truncate']) as p"
            ).fetchall()
        assert "'insufficient'" in body
        assert "realistic_minutes" in body
        assert key == "PRIMARY KEY (student_id, warning_type, subject, detected_date)"
        assert "parent" not in readers
        assert "auth.uid" not in readers
        assert columns == ["action_notes", "action_taken_by"]
        assert set(privileges) == {(False,)}


def test_row_level_security_is_on_everywhere(postgres_url: str) -> None:
    migrate(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(
            "select relname::text, relrowsecurity from pg_class "
            "where relnamespace = 'serving'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
        ).fetchall()
    assert found
    assert all(is_on for _, is_on in found), found


def test_plain_database_stays_closed_and_says_so(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert migrate(postgres_url) == NAMES
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1
    assert "function auth.uid()" in warnings[0]
    assert "tlu migrate" in warnings[0]
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select count(*) from pg_policy where polname = 'app_reads'").fetchone() == (0,)


def test_supabase_cli_before_us(postgres_url: str) -> None:
    """The CLI runs the files and nothing else; what it did is not done again."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for path in sorted(FOLDER.glob("*.sql")):
            connection.execute(path.read_bytes())
    assert pending(postgres_url) == []


def copied(folder: Path) -> Path:
    shutil.copytree(FOLDER, folder / "migrations")
    return folder / "migrations"


def test_changed_migration_is_reported(postgres_url: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    migrate(postgres_url, folder=folder)
    path = sorted(folder.glob("*.sql"))[0]
    path.write_text(path.read_text("utf-8") + "-- later\n", "utf-8")
    with pytest.raises(MigrationError, match="serving_tables"):
        pending(postgres_url, folder)
    migrate(postgres_url, again=True, folder=folder)
    assert pending(postgres_url, folder) == []


def test_failing_migration_leaves_nothing_half_done(postgres_url: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "20270101000000_broken.sql").write_text("create table serving.half (); select 1 / 0;", "utf-8")
    with pytest.raises(MigrationError, match=r"20270101000000_broken.*22012"):
        migrate(postgres_url, folder=folder)
    assert [str(m) for m in pending(postgres_url, folder)] == ["20270101000000_broken"]
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select to_regclass('serving.half')").fetchone() == (None,)


def test_migration_must_enter_itself(postgres_url: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "20270101000000_silent.sql").write_text("create table serving.silent ();", "utf-8")
    with pytest.raises(MigrationError, match="must end by entering itself"):
        migrate(postgres_url, folder=folder)


def test_names_and_folder(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="No migrations"):
        migrations.migrations(tmp_path)
    (tmp_path / "1_short.sql").write_text("", "utf-8")
    with pytest.raises(MigrationError, match=r"1_short\.sql"):
        migrations.migrations(tmp_path)


def test_two_at_once(postgres_url: str) -> None:
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda: done.append(migrate(postgres_url))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 2
    assert sorted(done[0] + done[1]) == NAMES


def test_role_without_rights_is_told_what_it_needs(postgres_url: str) -> None:
    database = urlsplit(postgres_url).path.removeprefix("/")
    role = f"nobody_{database}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create role {role} login password 'of-a-test'")
        try:
            user = urlsplit(postgres_url)
            url = user._replace(netloc=f"{role}:of-a-test@{user.hostname}:{user.port}").geturl()
            with pytest.raises(MigrationError, match=r"(?s)permission denied.*`create`.*supabase db push"):
                migrate(url)
            migrate(postgres_url)
            with pytest.raises(MigrationError, match="may not read which migrations"):
                migrate(url)
        finally:
            connection.execute(f"drop role {role}")
