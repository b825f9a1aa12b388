"""A candidate: what one run would publish, as a folder of Parquet files and a manifest.

Belongs here: writing, reading, checking and pruning those folders. Not here: whether a candidate is good (gate.py).

    <candidates>/<run_id>/manifest.json
                          content_recommendations.parquet, and a file for each other published table

The files hold keys and payload only, sorted by key: same rows, same bytes, whichever run made them. Where rows come
from (run, model version, time) is in the manifest, and the publisher writes it beside them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

import postgres_arrow
from orchestration.publishing.contracts import PUBLISHED_TABLES, PublishedTable
from orchestration.publishing.errors import CandidateError

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
_PARTIAL = ".partial"

# A run id names a folder and is a key in the database: ids of Dagster runs, and words that a person may choose.
_RUN_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_DAY = r"\d{4}-\d{2}-\d{2}"

# Fixed, so that the bytes of a file depend on the rows alone. 128 Ki rows are some 30 MiB in memory when read back.
_ROWS_PER_GROUP = 131_072
_PARQUET = {"compression": "zstd", "compression_level": 3, "row_group_size": _ROWS_PER_GROUP, "version": "2.6"}

# Libraries that decide numbers or bytes of a candidate.
LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "statsmodels")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Validation(_Frozen):
    """Outcome of one suite of expectations; `critical` says what failed that must not."""

    suite: str
    success: bool
    critical: tuple[str, ...] = ()


class Model(_Frozen):
    """The model behind a table, with its figures on a later time window beside those of its baseline.

    `in_use` names what made the rows: the model, or the baseline that it did not beat.
    """

    version: str
    trained_at: str
    metrics: dict[str, JsonValue]
    baseline: dict[str, JsonValue]
    in_use: str


class Manifest(_Frozen):
    """What a candidate says about itself."""

    schema_version: Annotated[int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    run_id: Annotated[str, Field(pattern=f"^{_RUN_ID}$")]
    as_of: Annotated[str, Field(pattern=f"^{_DAY}$")]
    created_at: AwareDatetime
    models: dict[str, Model]
    rows: dict[str, int]
    content_hash: str
    files: dict[str, str]
    validations: tuple[Validation, ...]
    libraries: dict[str, str]


@dataclass(frozen=True)
class Candidate:
    """A candidate on disk whose files were checked against its manifest."""

    folder: Path
    manifest: Manifest

    def table(self, table: PublishedTable) -> pa.Table:
        """All rows of one table, sorted by key."""
        return pq.read_table(_file(self.folder, table), schema=table.arrow_schema)

    def batches(self, table: PublishedTable) -> Iterator[pa.RecordBatch]:
        """The same in batches, for what need not hold it whole."""
        with pq.ParquetFile(_file(self.folder, table)) as file:
            yield from file.iter_batches(batch_size=_ROWS_PER_GROUP)

    def model_version(self, table: PublishedTable) -> str:
        """Version of the model behind a table."""
        return self.manifest.models[table.model].version


def write(
    candidates: Path,
    tables: Mapping[str, pa.Table],
    *,
    run_id: str,
    as_of: dt.date,
    created_at: dt.datetime,
    models: Mapping[str, Model],
    validations: Iterable[Validation],
) -> Candidate:
    """Write `<candidates>/<run_id>/` and return it; a candidate of the same run is replaced.

    `tables` holds every published table by name, with exactly the columns of its contract, in any order and sorting;
    numbers may be wider than the contract's as long as no value is. The folder appears under its name only once it is
    complete. One writer at a time. Raises CandidateError naming every problem.
    """
    if not re.fullmatch(_RUN_ID, run_id):
        raise CandidateError(
            f"A run id has up to 100 letters, digits, '-' and '_', for it names a folder: not {run_id!r}"
        )
    clean = _canonical_tables(tables)
    missing = sorted({table.model for table in PUBLISHED_TABLES} - set(models))
    if missing:
        raise CandidateError(f"The candidate does not say which model made it: {', '.join(missing)}")
    partial = candidates / f".{run_id}{_PARTIAL}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for table, rows in clean.items():
        pq.write_table(rows, _file(partial, table), **_PARQUET)
    try:
        manifest = Manifest(
            run_id=run_id,
            as_of=as_of.isoformat(),
            created_at=created_at,
            models=dict(models),
            rows={table.name: rows.num_rows for table, rows in clean.items()},
            content_hash=_digest((table, rows.to_batches()) for table, rows in clean.items()),
            files={table.name: _file_digest(_file(partial, table)) for table in clean},
            validations=tuple(validations),
            libraries={name: installed_version(name) for name in LIBRARIES},
        )
    except ValidationError as error:
        shutil.rmtree(partial)
        raise CandidateError(f"The candidate cannot be described: {_listed(error)}") from error
    (partial / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    folder = candidates / run_id
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return Candidate(folder, manifest)


def read(folder: Path) -> Candidate:
    """The candidate in `folder`. Raises CandidateError naming all that is missing, damaged or not as promised."""
    manifest = _manifest(folder)
    expected = {table.name for table in PUBLISHED_TABLES}
    problems = [f"manifest: it says {manifest.run_id!r} is its run"] if manifest.run_id != folder.name else []
    problems += [
        f"manifest: {field} is about {', '.join(sorted(named)) or 'nothing'}, not {', '.join(sorted(expected))}"
        for field, named in {"rows": set(manifest.rows), "files": set(manifest.files)}.items()
        if named != expected
    ]
    problems += [
        f"manifest: no model {table.model}, which {table.name} needs"
        for table in PUBLISHED_TABLES
        if table.model not in manifest.models
    ]
    for table in PUBLISHED_TABLES:
        problems += [f"{table.name}: {problem}" for problem in _file_problems(folder, table, manifest)]
    if not problems:
        candidate = Candidate(folder, manifest)
        found = _digest((table, candidate.batches(table)) for table in PUBLISHED_TABLES)
        if found != manifest.content_hash:
            problems.append(f"content hash: the manifest says {manifest.content_hash}, the rows give {found}")
    if problems:
        raise CandidateError(f"The candidate in {folder} cannot be used:\n" + "\n".join(f"- {p}" for p in problems))
    return Candidate(folder, manifest)


def content_hash(tables: Mapping[str, pa.Table]) -> str:
    """SHA-256 over all keys and payloads, whatever the order of rows and columns, the chunks and the widths of numbers.

    jsonb is hashed as the text it is. Raises CandidateError when a table does not meet its contract.
    """
    return _digest((table, rows.to_batches()) for table, rows in _canonical_tables(tables).items())


def folders(candidates: Path) -> list[Path]:
    """Folders of candidates with a readable manifest, newest first."""
    found = [path.parent for path in candidates.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")]
    return sorted(found, key=lambda folder: (_manifest(folder).created_at, folder.name), reverse=True)


def latest(candidates: Path) -> Candidate:
    """The newest candidate. Raises CandidateError when there is none, or it cannot be used."""
    found = folders(candidates)
    if not found:
        raise CandidateError(f"No candidate in {candidates}. `tlu run` makes one.")
    return read(found[0])


def keep_last(candidates: Path, n: int = 5) -> list[Path]:
    """Delete all but the `n` newest candidates and what a killed writer left; return the folders deleted."""
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    gone = [*folders(candidates)[n:], *sorted(candidates.glob(f".*{_PARTIAL}"))]
    for folder in gone:
        shutil.rmtree(folder)
    return gone


def _canonical_tables(tables: Mapping[str, pa.Table]) -> dict[PublishedTable, pa.Table]:
    expected = {table.name for table in PUBLISHED_TABLES}
    problems = [f"{name}: not a table that is published" for name in sorted(set(tables) - expected)]
    problems += [f"{name}: missing" for name in sorted(expected - set(tables))]
    clean = {}
    for table in PUBLISHED_TABLES:
        if table.name in tables:
            rows, found = _canonical(table, tables[table.name])
            problems += [f"{table.name}: {problem}" for problem in found]
            clean[table] = rows
    if problems:
        raise CandidateError("The candidate does not meet its contract:\n" + "\n".join(f"- {p}" for p in problems))
    return clean


def _canonical(table: PublishedTable, rows: pa.Table) -> tuple[pa.Table, list[str]]:
    """The rows with the columns, types and order of the contract, and what is wrong with them."""
    names = [column.name for column in table.columns]
    problems = [f"column {name} is missing" for name in names if name not in rows.column_names]
    problems += [f"column {name} is not in the contract" for name in rows.column_names if name not in names]
    if problems:
        return rows, problems
    columns: list[pa.ChunkedArray] = []
    for column, field in zip(table.columns, table.arrow_schema, strict=True):
        values = rows.column(column.name)
        if column.type == "timestamptz" and pa.types.is_timestamp(values.type) and values.type.tz is None:
            problems.append(f"column {column.name} is {values.type}, which names no instant: it has no zone")
            continue
        try:
            # Scores come in double precision and are published in single: that loss is meant, any other is refused.
            cast = values.cast(field.type, safe=not pa.types.is_floating(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            problems.append(f"column {column.name} is {values.type}, which does not fit {column.type}: {error}")
            continue
        if not column.is_nullable and cast.null_count:
            problems.append(f"column {column.name}: {cast.null_count} of {len(cast)} rows are null")
        if column.type == "uuid" and (wrong := _not_matching(cast, _UUID)):
            problems.append(f"column {column.name}: {wrong} of {len(cast)} rows are not a lower-case uuid")
        if pa.types.is_list(cast.type) and (wrong := pc.list_flatten(cast).null_count):
            problems.append(f"column {column.name}: {wrong} values of its arrays are null")
        if column.type == "real" and (wrong := len(cast) - cast.null_count - _count(pc.is_finite(cast))):
            problems.append(f"column {column.name}: {wrong} of {len(cast)} rows are not finite")
        columns.append(cast)
    if problems:
        return rows, problems
    clean = pa.Table.from_arrays(columns, schema=table.arrow_schema)
    columns.clear()  # of 20 M rows they are 8 GB, and the sorted rows as much again
    clean = clean.sort_by([(name, "ascending") for name in table.key_names]).combine_chunks()
    if twice := _repeated(clean.select(table.key_names)):
        problems.append(f"{twice} of {clean.num_rows} rows repeat a key ({', '.join(table.key_names)})")
    return clean, problems


def _repeated(keys: pa.Table) -> int:
    """How many rows of the sorted `keys` equal the row before them."""
    if keys.num_rows < 2:
        return 0
    same = None
    for column in keys.columns:
        equal = pc.equal(column.slice(1), column.slice(0, len(column) - 1))
        same = equal if same is None else pc.and_(same, equal)
    return _count(same)


def _not_matching(values: pa.ChunkedArray, pattern: str) -> int:
    return len(values) - int(values.null_count) - _count(pc.match_substring_regex(values, pattern))


def _count(flags: Any) -> int:
    return int(pc.sum(flags).as_py() or 0)


def _digest(tables: Iterable[tuple[PublishedTable, Iterable[pa.RecordBatch]]]) -> str:
    """SHA-256 of the rows as CSV, each table behind a line with its name and columns.

    CSV, since it is the same for the same values however they are laid out in memory: null is nothing, text is quoted,
    an array is as Postgres writes it.
    """
    sink = _HashSink()
    options = pa_csv.WriteOptions(include_header=False, batch_size=_ROWS_PER_GROUP, quoting_style="needed")
    for table, batches in tables:
        sink.write(",".join([table.name, *(column.name for column in table.columns)]).encode() + b"\n")
        schema = postgres_arrow.plain(pa.RecordBatch.from_pylist([], table.arrow_schema)).schema
        with pa_csv.CSVWriter(sink, schema, write_options=options) as writer:
            for batch in batches:
                writer.write_batch(postgres_arrow.plain(batch))
    return sink.sha256.hexdigest()


class _HashSink:
    """A file for Arrow to write to, of which only the hash is kept."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing to close."""


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise CandidateError(f"No candidate in {folder}: it has no {MANIFEST}.") from error
    except ValidationError as error:
        raise CandidateError(f"{path} is not the manifest of a candidate: {_listed(error)}") from error


def _file_problems(folder: Path, table: PublishedTable, manifest: Manifest) -> Sequence[str]:
    path = _file(folder, table)
    if not path.is_file():
        return [f"{path.name} is missing"]
    if _file_digest(path) != manifest.files.get(table.name):
        return [f"{path.name} is not the file that was written: its bytes have changed"]
    with pq.ParquetFile(path) as file:
        problems = []
        if not file.schema_arrow.equals(table.arrow_schema):
            problems.append(f"columns are {file.schema_arrow.names}, the contract has {table.arrow_schema.names}")
        if file.metadata.num_rows != manifest.rows.get(table.name):
            problems.append(f"{file.metadata.num_rows} rows, the manifest says {manifest.rows.get(table.name)}")
        return problems


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file(folder: Path, table: PublishedTable) -> Path:
    return folder / f"{table.name}.parquet"


def _listed(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
