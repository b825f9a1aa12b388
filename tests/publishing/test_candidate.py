from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.publishing import candidate
from orchestration.publishing.candidate import CandidateError, Validation, content_hash
from orchestration.publishing.contracts import CONTENT_RECOMMENDATIONS, PUBLISHED_TABLES
from tests.publishing import published_rows as rows

PERSONAL, FALLBACK, WAITING, PREDICTED, COHORTS, *LATER = (table.name for table in PUBLISHED_TABLES)
EMPTY = dict.fromkeys([WAITING, PREDICTED, COHORTS, *LATER], 0)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = rows.write(tmp_path, "run-1")
    found = candidate.read(tmp_path / "run-1")
    assert found == written
    assert found.manifest.rows == {PERSONAL: 100, FALLBACK: 3} | EMPTY
    assert found.manifest.as_of == "2026-11-23"
    assert found.manifest.created_at == rows.CREATED
    assert set(found.manifest.libraries) == set(candidate.LIBRARIES)
    table = found.table(CONTENT_RECOMMENDATIONS)
    assert table.schema.equals(CONTENT_RECOMMENDATIONS.arrow_schema)
    assert table.column("student_id").to_pylist()[:6] == [rows.student(0)] * 5 + [rows.student(1)]
    assert table.column("reasoning")[0].as_py() == '복습이 필요해요, "꼭"\n다음 권'


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 99))
def test_same_rows_same_bytes(tmp_path_factory: pytest.TempPathFactory, seed: int, cut: int) -> None:
    """Order of rows and columns, chunks, wider numbers, another text type and another run do not show."""
    tables = rows.tables()
    order = list(range(100))
    random.Random(seed).shuffle(order)
    shuffled = tables[PERSONAL].take(order)
    shuffled = shuffled.select(sorted(shuffled.column_names, reverse=seed % 2 == 0))
    other = {
        **tables,
        PERSONAL: pa.concat_tables([shuffled.slice(0, cut), shuffled.slice(cut)]),
        FALLBACK: tables[FALLBACK].set_column(
            5, "content_type", tables[FALLBACK]["content_type"].cast(pa.large_string())
        ),
    }
    folder = tmp_path_factory.mktemp("candidates")
    first, second = rows.write(folder, "a", tables), rows.write(folder, "b", other, hours=1, model_version="rec-2")
    assert bytes_of(first.folder) == bytes_of(second.folder)
    assert first.manifest.content_hash == second.manifest.content_hash == content_hash(other)


@pytest.mark.parametrize("column", ["score", "reasoning", "source", "content_id", "subject_group"])
def test_hash_sees_every_change(column: str) -> None:
    tables = rows.tables()
    values = tables[PERSONAL][column].to_pylist()
    values[7] = {"score": 0.123, "content_id": rows.content(77), "subject_group": ""}.get(column, "anders")
    changed = tables[PERSONAL].set_column(tables[PERSONAL].column_names.index(column), column, [values])
    assert content_hash({**tables, PERSONAL: changed}) != content_hash(tables)


def test_null_is_not_empty_text() -> None:
    tables = rows.tables()
    index = tables[PERSONAL].column_names.index("subject_group")
    filled = tables[PERSONAL].set_column(index, "subject_group", tables[PERSONAL]["subject_group"].fill_null(""))
    assert content_hash({**tables, PERSONAL: filled}) != content_hash(tables)


def test_a_day_is_a_day_however_it_comes(tmp_path: Path) -> None:
    predicted = rows.predicted({"2026-12-01": None, "2026-12-10": "school"}, 2)
    index = predicted.column_names.index("target_date")
    midnight = predicted["target_date"].cast(pa.timestamp("us"))
    as_they_come = [predicted["target_date"].cast(pa.string()), midnight, predicted["target_date"]]
    tables = [rows.tables() | {PREDICTED: predicted.set_column(index, "target_date", days)} for days in as_they_come]
    written = [rows.write(tmp_path, f"run-{number}", found).manifest for number, found in enumerate(tables)]
    assert len({manifest.content_hash for manifest in written}) == 1
    assert written[0].files == written[2].files
    moved = predicted.set_column(index, "target_date", pc.add(midnight, dt.timedelta(days=1)))
    assert content_hash(rows.tables() | {PREDICTED: moved}) != written[0].content_hash
    unknown = predicted.set_column(index, "target_date", [["12월 1일"] * 4])
    with pytest.raises(CandidateError, match="column target_date is string, which does not fit date"):
        rows.write(tmp_path, "unknown", rows.tables() | {PREDICTED: unknown})


def test_every_broken_promise_is_named(tmp_path: Path) -> None:
    tables = rows.tables(students=1, ranks=3)
    personal = tables[PERSONAL].to_pydict()
    personal |= {
        "student_id": [rows.student(0).upper(), "nobody", rows.student(0)],
        "rank": [1, 2, 70_000],
        "score": [float("nan"), 0.5, 0.1],
        "content_id": [None, rows.content(1), rows.content(2)],
    }
    with pytest.raises(CandidateError) as refused:
        rows.write(tmp_path, "bad", {PERSONAL: pa.table(personal), "other": pa.table({"a": [1]})})
    text = str(refused.value)
    assert "other: not a table" in text
    assert f"{FALLBACK}: missing" in text
    assert "column student_id: 2 of 3 rows are not a lower-case uuid" in text
    assert "column rank is int64" in text
    assert "column score: 1 of 3 rows are not finite" in text
    assert "column content_id: 1 of 3 rows are null" in text
    assert not list(tmp_path.iterdir())


def test_columns_and_keys_are_those_of_the_contract(tmp_path: Path) -> None:
    tables = rows.tables()
    extra = tables[PERSONAL].append_column("run_id", pa.repeat("x", 100))
    with pytest.raises(CandidateError, match="run_id is not in the contract"):
        rows.write(tmp_path, "extra", {**tables, PERSONAL: extra})
    with pytest.raises(CandidateError, match="column score is missing"):
        rows.write(tmp_path, "less", {**tables, PERSONAL: tables[PERSONAL].drop_columns("score")})
    twice = pa.concat_tables([tables[PERSONAL], tables[PERSONAL].slice(10, 3)])
    with pytest.raises(CandidateError, match="3 of 103 rows repeat a key"):
        rows.write(tmp_path, "twice", {**tables, PERSONAL: twice})


def test_manifest_must_be_complete(tmp_path: Path) -> None:
    with pytest.raises(
        CandidateError,
        match="which model made it: early_warnings, learning_patterns, outlook, recommender, score_analysis",
    ):
        candidate.write(
            tmp_path,
            rows.tables(),
            run_id="a",
            as_of=dt.date(2026, 11, 23),
            created_at=rows.CREATED,
            models={},
            validations=(Validation(suite="raw", success=True),),
        )
    with pytest.raises(CandidateError, match="created_at"):
        candidate.write(
            tmp_path,
            rows.tables(),
            run_id="naive",
            as_of=dt.date(2026, 11, 23),
            created_at=rows.CREATED.replace(tzinfo=None),
            models=rows.MODELS,
            validations=(),
        )
    with pytest.raises(CandidateError, match="run id"):
        rows.write(tmp_path, "../elsewhere")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("position", [0, 200, -1])
def test_one_changed_byte_is_found(tmp_path: Path, position: int) -> None:
    path = rows.write(tmp_path, "run-1").folder / f"{PERSONAL}.parquet"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(CandidateError, match=f"{PERSONAL}.*bytes have changed"):
        candidate.read(tmp_path / "run-1")


def test_everything_damaged_is_named(tmp_path: Path) -> None:
    folder = rows.write(tmp_path, "run-1").folder
    (folder / f"{PERSONAL}.parquet").write_bytes(b"")
    (folder / f"{FALLBACK}.parquet").unlink()
    with pytest.raises(CandidateError) as refused:
        candidate.read(folder)
    assert PERSONAL in str(refused.value)
    assert f"{FALLBACK}.parquet is missing" in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("content_hash", "0" * 64, "content hash"),
        ("rows", {PERSONAL: 99, FALLBACK: 3} | EMPTY, "100 rows, the manifest says 99"),
        ("rows", {}, "rows is about nothing"),
        ("models", {}, "no model recommender"),
        ("run_id", "other", "says 'other' is its run"),
        ("schema_version", 2, "schema_version"),
        ("as_of", "23.11.2026", "as_of"),
    ],
)
def test_altered_manifest_is_refused(tmp_path: Path, field: str, value: object, message: str) -> None:
    path = rows.write(tmp_path, "run-1").folder / candidate.MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), field: value}), "utf-8")
    with pytest.raises(CandidateError, match=message):
        candidate.read(tmp_path / "run-1")


def test_no_manifest_no_candidate(tmp_path: Path) -> None:
    with pytest.raises(CandidateError, match="No candidate"):
        candidate.read(tmp_path)
    with pytest.raises(CandidateError, match="tlu run"):
        candidate.latest(tmp_path)
    (tmp_path / candidate.MANIFEST).write_text("{", "utf-8")
    with pytest.raises(CandidateError, match="not the manifest"):
        candidate.read(tmp_path)


def test_latest_and_keep_last_go_by_time_not_name(tmp_path: Path) -> None:
    for hours, name in enumerate(["m", "a", "z", "b"]):
        rows.write(tmp_path, name, hours=hours)
    half = tmp_path / ".killed.partial"
    half.mkdir()
    assert candidate.latest(tmp_path).manifest.run_id == "b"
    assert candidate.keep_last(tmp_path, 2) == [tmp_path / "a", tmp_path / "m", half]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "z"]
    with pytest.raises(ValueError, match="at least 1"):
        candidate.keep_last(tmp_path, 0)


def test_writing_again_replaces(tmp_path: Path) -> None:
    rows.write(tmp_path, "run-1")
    rows.write(tmp_path, "run-1", rows.tables(students=2))
    assert candidate.read(tmp_path / "run-1").manifest.rows[PERSONAL] == 10
    assert [path.name for path in tmp_path.iterdir()] == ["run-1"]
