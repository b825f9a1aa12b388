"""How fast the app reads and the publisher writes: recommendations of many students, beside bare Postgres.

Makes a database of its own on the local server, and drops it. Prints Markdown.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime as dt
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psycopg
import pyarrow as pa
from psycopg import sql

import postgres_arrow
from local_supabase import schema, server
from orchestration.gate import check_candidate
from orchestration.publishing import candidate
from orchestration.publishing.candidate import Candidate, Model, Validation
from orchestration.publishing.contracts import CONTENT_RECOMMENDATIONS, PUBLISHED_TABLES
from orchestration.publishing.engine import PublishResult, publish
from orchestration.publishing.migrations import migrate
from orchestration.settings import load_settings

CLIENTS = (1, 16, 64)
STUDENTS_OF_A_TENANT = 1_000
CONTENTS = 5_000
SUBJECTS = ("국어", "수학", "영어", "과학", "사회")
SUBJECT_IDS = tuple(str(uuid.UUID(int=(4 << 76) + n)) for n in range(len(SUBJECTS)))
TURNS = 3
"""How often each read is measured in turn with the others."""
OPEN_SECONDS = 30
"""Age of the transaction that is open beside a publication."""
CHECKED = 1_000_000
"""Rows that are shown to the expectations: as a pandas frame 20 million do not fit the memory of a small machine."""
ADR_MILLISECONDS = 500
"""What ADR-002 asked for at the 95th percentile."""

STUDENT = "('00000000-0000-4000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid"
COLUMNS = "rank, content_type, content_id, subject_group, subject_id, score, reasons, reasoning, source, model_version"
READS = {
    "recommend_contents, one subject": "select * from"
    " serving.recommend_contents({student}, array['{subject}'::uuid], 20);",
    "the same rows, bare primary key": "select {columns} from serving.content_recommendations"
    " where student_id = {student} and subject_id = '{subject}' order by rank limit 20;",
    "one row, bare primary key": "select {columns} from serving.content_recommendations"
    " where student_id = {student} and rank = 1;",
}
# What PostgREST does around each read: the role and claims of the student, for one transaction.
AS_STUDENT = """begin read only;
select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', {student})::text, true);
{read}
commit;
"""
STUDENTS = """
    insert into public.tenants (id, name)
    select ('00000000-0000-4000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, n::text
    from generate_series(0, %(students)s / %(of_a_tenant)s) as n;
    insert into public.user_profiles (id, name, role, tenant_id)
    select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '', 'student',
        ('00000000-0000-4000-9000-' || lpad(to_hex(n / %(of_a_tenant)s), 12, '0'))::uuid
    from generate_series(1, %(students)s) as n;
    insert into public.students (id, tenant_id, school_type, grade)
    select id, tenant_id, 'HIGH', 1 from public.user_profiles;
    insert into public.curriculum_revisions (id, name) values ({revision}, '2022개정');
    insert into public.subject_groups (id, curriculum_revision_id, name)
    select id, {revision}, name from unnest(%(subject_ids)s::uuid[], %(subjects)s::text[]) as g (id, name);
    insert into public.subjects (id, subject_group_id, name) select id, id, name from public.subject_groups;
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=20, help="recommendations of a student")
    parser.add_argument("--seconds", type=int, default=10, help="of a turn of each read at each number of clients")
    parser.add_argument("--readers-students", type=int, default=100_000, help="students while readers loop")
    options = parser.parse_args(arguments)
    students, items = options.students, options.items
    home = load_settings().home
    with fresh_database(server.start(home).url) as url, tempfile.TemporaryDirectory(dir=home) as folder:
        schema.install(url)
        migrate(url)
        add_students(url, students)
        print_publishing(url, Path(folder), students, items)
        print_reads(url, Path(folder), students, options.seconds)
    readers = min(students, options.readers_students)
    with fresh_database(server.start(home).url) as url, tempfile.TemporaryDirectory(dir=home) as folder:
        schema.install(url)
        migrate(url)
        add_students(url, readers)
        print_reads_while_publishing(url, Path(folder), readers, items)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """URL of an empty database, dropped afterwards."""
    name = f"benchmark_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def add_students(url: str, students: int) -> None:
    """Students of academies of a thousand, and the subjects: what a gate and a read look up."""
    values = {
        "students": students,
        "of_a_tenant": STUDENTS_OF_A_TENANT,
        "subjects": list(SUBJECTS),
        "subject_ids": list(SUBJECT_IDS),
    }
    with psycopg.connect(url) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(sql.SQL(STUDENTS).format(revision=sql.Literal(SUBJECT_IDS[0])), values)


def tables(students: int, items: int, changed: Sequence[int] = ()) -> dict[str, pa.Table]:
    """`students` × `items` recommendations, of which the rows `changed` have another score, and one fallback list.

    Every other table is there and empty.
    """
    rows = students * items
    owner = np.repeat(np.arange(1, students + 1), items)
    rank = np.tile(np.arange(1, items + 1, dtype=np.int16), students)
    score = (1 - 0.02 * rank).astype(np.float32)
    score[np.asarray(changed, dtype=int)] -= 0.01
    content = (owner * 7 + rank * 13) % CONTENTS
    tenants = [f"00000000-0000-4000-9000-{n:012x}" for n in range(students // STUDENTS_OF_A_TENANT + 1)]
    contents = [f"00000000-0000-4000-a000-{n:012x}" for n in range(CONTENTS)]
    because = [f"{name} 교과에서 지금 배우는 단원 다음으로 많이 고르는 교재예요." for name in SUBJECTS]
    subject = rank % len(SUBJECTS)

    def picked(values: Sequence[str], index: np.ndarray) -> pa.Array:
        return pa.DictionaryArray.from_arrays(index.astype(np.int32), pa.array(values, pa.large_string()))

    def constant(value: str) -> pa.Array:
        return picked([value], np.zeros(rows))

    personal = pa.table(
        {
            "student_id": picked([f"00000000-0000-4000-8000-{n:012x}" for n in range(students + 1)], owner),
            "rank": rank,
            "tenant_id": picked(tenants, owner // STUDENTS_OF_A_TENANT),
            "content_type": constant("book"),
            "content_id": picked(contents, content),
            "subject_group": picked(SUBJECTS, subject),
            "subject_id": picked(SUBJECT_IDS, subject),
            "subject_rank": ((rank - 1) // len(SUBJECTS) + 1).astype(np.int16),
            "score": score,
            "reasons": constant('[{"code": "next_in_subject", "students": 12}]'),
            "reasoning": picked(because, subject),
            "source": constant("personal"),
        }
    )
    columns = ("content_type", "content_id", "subject_id", "score", "reasons", "reasoning", "source")
    fallback = personal.slice(0, 1).select(["tenant_id", "subject_group", "rank", *columns])
    fallback = fallback.append_column("school_type", [["HIGH"]]).append_column("school_year_level", [[1]])
    others = {table.name: table.arrow_schema.empty_table() for table in PUBLISHED_TABLES}
    return others | {"content_recommendations": personal, "fallback_recommendations": fallback}


def write(folder: Path, run: int, rows: dict[str, pa.Table]) -> Candidate:
    """The candidate of the run with this number."""
    model = Model(version="1", trained_at="2026-11-23", metrics={}, baseline={}, in_use="benchmark")
    return candidate.write(
        folder,
        rows,
        run_id=f"run-{run}",
        as_of=dt.date(2026, 11, 23),
        created_at=dt.datetime(2026, 11, 23, run, tzinfo=dt.UTC),
        models={table.model: model for table in PUBLISHED_TABLES},
        validations=[Validation(suite="benchmark", success=True)],
    )


def print_publishing(url: str, folder: Path, students: int, items: int) -> None:
    """A first publication beside a bare COPY, then one of which 1 % changed, then the same again."""
    rows = students * items
    first = write(folder, 1, tables(students, items))
    copied = bare_copy(url, first)
    times = [("bare COPY into the same table with the same key", rows, *copied)]
    changed = np.random.default_rng(7).choice(rows, rows // 100, replace=False)
    for what, chosen in {
        "first publication": first,
        "1 % of the rows changed": write(folder, 2, tables(students, items, changed)),
        "the same candidate again": candidate.read(folder / "run-2"),
    }.items():
        settle(url)
        before = wal_position(url)
        result = publish(url, chosen, check=lambda *_: [])
        times.append((what, rows_written(result), result.seconds, wal_since(url, before)))
    started = time.perf_counter()
    problems = check_candidate(CONTENT_RECOMMENDATIONS.name, first.table(CONTENT_RECOMMENDATIONS).slice(0, CHECKED))
    checked = time.perf_counter() - started
    print(f"\n{rows:,} rows of {students:,} students:\n")
    print("| | rows written | seconds | rows/s of all | WAL MB |\n| --- | ---: | ---: | ---: | ---: |")
    for what, written, seconds, wal in times:
        print(f"| {what} | {written:,} | {seconds:.1f} | {rows / seconds:,.0f} | {wal / 1e6:,.1f} |")
    print(f"\nFirst publication / bare COPY: {times[1][2] / times[0][2]:.2f}.")
    print(
        f"The gate's expectations, not counted above, of {CHECKED:,} rows: {checked:.1f} s, {len(problems)} problems."
    )


def bare_copy(url: str, chosen: Candidate) -> tuple[float, int]:
    """Seconds and bytes of WAL to COPY the candidate's rows into a table like the one that is served."""
    table = CONTENT_RECOMMENDATIONS
    origin = ["run-1", "1", "2026-11-23T00:00:00Z"]
    names = [*(column.name for column in table.columns), "run_id", "model_version", "computed_at"]

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in chosen.batches(table):
            added = [pa.repeat(value, batch.num_rows) for value in origin]
            yield pa.RecordBatch.from_arrays([*batch.columns, *added], names)

    with psycopg.connect(url) as connection:
        connection.execute("create table public.bare (like serving.content_recommendations including all)")
        connection.commit()
        before, started = wal_position(url), time.perf_counter()
        postgres_arrow.copy_arrow(connection, ("public", "bare"), batches())
        connection.commit()
        seconds, wal = time.perf_counter() - started, wal_since(url, before)
        connection.execute("drop table public.bare")
    return seconds, wal


def rows_written(result: PublishResult) -> int:
    """Rows that a publication inserted, updated and deleted."""
    return sum(change.changed for change in result.tables.values())


def wal_position(url: str) -> str:
    """Where the server's log ends."""
    with psycopg.connect(url) as connection:
        [(position,)] = connection.execute("select pg_current_wal_insert_lsn()::text").fetchall()
    return str(position)


def wal_since(url: str, position: str) -> int:
    """Bytes of log since then."""
    with psycopg.connect(url) as connection:
        [(size,)] = connection.execute("select pg_current_wal_insert_lsn() - %s::pg_lsn", [position]).fetchall()
    return int(size)


def settle(url: str) -> None:
    """Do what autovacuum would do by the next night, so that nobody pays for what was written before."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
        connection.execute("checkpoint")


def print_reads(url: str, folder: Path, students: int, seconds: int) -> None:
    """Latencies of each read, with as many clients at once."""
    settle(url)
    for who, frame in {"as the owner": "{read}", "as the student, as PostgREST asks": AS_STUDENT}.items():
        print(f"\nMilliseconds, {who}:\n")
        print(f"| read | clients | p50 | p99 | reads/s | p50 / bare | {ADR_MILLISECONDS} ms / p99 |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for clients in CLIENTS:
            scripts = {name: script(frame, read) for name, read in READS.items()}
            # In turns, after a turn that fills the caches: neighbours on the machine then disturb all alike.
            turns = [
                {name: pgbench(url, folder, text, students, clients, seconds) for name, text in scripts.items()}
                for _ in range(TURNS + 1)
            ]
            times = {name: np.concatenate([turn[name] for turn in turns[1:]]) for name in READS}
            ours, bare, _ = (float(np.median(found)) for found in times.values())
            for name, found in times.items():
                p50, p99 = np.percentile(found, [50, 99])
                ratios = f"{ours / bare:.2f} | {ADR_MILLISECONDS / p99:,.0f}" if name.startswith("recommend") else " | "
                print(
                    f"| {name} | {clients} | {p50:.2f} | {p99:.2f} | {len(found) / seconds / TURNS:,.0f} | {ratios} |"
                )


def print_reads_while_publishing(url: str, folder: Path, students: int, items: int) -> None:
    """Eight readers without a pause: beside nothing, a publication of every row, that and an old transaction."""
    every = np.arange(students * items)
    publish(url, write(folder, 1, tables(students, items)), check=lambda *_: [])
    settle(url)
    candidates = {2: tables(students, items, every), 3: tables(students, items)}
    for run, rows in candidates.items():
        write(folder, run, rows)
    print(f"\nEight readers of {students:,} students, milliseconds:\n")
    print("| beside | reads | p50 | p99 | worst |\n| --- | ---: | ---: | ---: | ---: |")
    with psycopg.connect(url) as old:
        print_loop(url, folder, students, "nothing", lambda: time.sleep(OPEN_SECONDS))
        print_loop(url, folder, students, "a publication of every row", lambda: republish(url, folder, 2))
        old.execute("set transaction isolation level repeatable read")
        old.execute("select count(*) from serving.content_recommendations")
        time.sleep(OPEN_SECONDS)
        beside = f"the same, and a transaction open for {OPEN_SECONDS} s before"
        print_loop(url, folder, students, beside, lambda: republish(url, folder, 3))


def republish(url: str, folder: Path, run: int) -> None:
    """Publish the candidate of a run; all its rows must have been written."""
    result = publish(url, candidate.read(folder / f"run-{run}"), check=lambda *_: [])
    change = result.tables[CONTENT_RECOMMENDATIONS.name]
    if change.updated != change.rows:
        raise RuntimeError(f"{change.updated:,} of {change.rows:,} rows were updated: the readers saw no publication")


def print_loop(url: str, folder: Path, students: int, beside: str, meanwhile: Callable[[], None]) -> None:
    """Latencies of eight readers who loop until `meanwhile` has returned."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        work = pool.submit(meanwhile)
        found = []
        while not work.done():
            found.append(pgbench(url, folder, script("{read}", next(iter(READS.values()))), students, 8, 2))
        work.result()
    times = np.concatenate(found)
    p50, p99 = np.percentile(times, [50, 99])
    print(f"| {beside} | {len(times):,} | {p50:.2f} | {p99:.2f} | {times.max():.1f} |")


def script(frame: str, read: str) -> str:
    """The statements of one transaction."""
    values = {"student": STUDENT, "subject": SUBJECT_IDS[1], "columns": COLUMNS}
    return frame.format(read=read.format(**values), **values)


def pgbench(url: str, folder: Path, script: str, students: int, clients: int, seconds: int) -> np.ndarray:
    """Milliseconds of every transaction of `script` for students at random."""
    parts = urlsplit(url)
    logs = folder / uuid.uuid4().hex
    logs.mkdir()
    file = logs / "script.sql"
    file.write_text(f"\\set n random(1, {students})\n{script}", "utf-8")
    command = [
        str(server.find_binaries() / "pgbench"),
        *("--no-vacuum", "--protocol=prepared", "--log", f"--log-prefix={logs / 'log'}", f"--file={file}"),
        *(f"--client={clients}", "--jobs=1", f"--time={seconds}"),
        *(f"--host={parts.hostname}", f"--port={parts.port}", f"--username={parts.username}", parts.path[1:]),
    ]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PGPASSWORD": parts.password or ""}
    )
    return np.concatenate([np.loadtxt(log, usecols=2, ndmin=1) for log in logs.glob("log*")]) / 1000


if __name__ == "__main__":
    main()
