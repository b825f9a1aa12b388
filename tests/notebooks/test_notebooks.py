"""The notebooks: committed without outputs, and run on a sample, on hardly anything and on nothing."""

from __future__ import annotations

import base64
import datetime as dt
import io
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pytest
from nbclient import NotebookClient

from local_supabase import sample, schema
from ml_assets.outlook import model as outlook
from ml_assets.outlook.config import OutlookConfig
from ml_assets.score_prediction import model as score_predictor
from ml_assets.score_prediction.publication import predictions
from orchestration.analysis import analyse
from orchestration.assets.exports import MARTS
from orchestration.cutoff import Cutoff
from orchestration.features import read_outlook_input, read_score_input
from orchestration.marts import ExportedTable, export_marts
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.settings import REPOSITORY, Settings
from orchestration.transform import RUN_TARGET, SCHEMAS, dbt_environment, run_dbt

FOLDER = REPOSITORY / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
AS_OF = dt.date(2026, 11, 23)
# What the app reads, and a notebook too.
SERVED = (
    *("score_predictions", "student_learning_patterns", "student_risk_analysis", "score_summaries"),
    *("student_predictions", "early_warnings"),
)


def published(schema_name: str, url: str) -> dict[str, pd.DataFrame]:
    """What a run would publish of SERVED from the features in the schema."""
    scores = read_score_input(url, schema_name)
    likely = outlook.fit(read_outlook_input(url, schema_name), OutlookConfig())
    found = {**analyse(url, schema_name, likely).tables}
    found["score_predictions"] = predictions(score_predictor.fit(scores), scores)
    return {name: found[name] for name in SERVED}


def write(db: duckdb.DuckDBPyConnection, name: str, rows: pd.DataFrame) -> None:
    """Write rows as a run exports the published table: uuid and json are their own types."""
    [table] = [each for each in PUBLISHED_TABLES if each.name == name]
    frame = pa.Table.from_pandas(rows[table.arrow_schema.names], table.arrow_schema, preserve_index=False)
    types = {"uuid": "uuid", "jsonb": "json"}
    casts = ", ".join(f"{c.name}::{types[c.type]} as {c.name}" for c in table.columns if c.type in types)
    db.register("frame", frame)
    db.execute(f"create table {name} as select * replace ({casts}) from frame")
    db.unregister("frame")


@pytest.fixture(scope="module")
def sample_file(postgres_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Marts of a sample of 300 students, and what is published of them."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = urlsplit(postgres_server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    schema.install(url)
    sample.load(url, students=300, today=AS_OF)
    Cutoff.parse(AS_OF.isoformat()).write(url, SCHEMAS[RUN_TARGET])
    home = tmp_path_factory.mktemp("home")
    without_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    run_dbt(Settings(home), ["build", *without_tests], RUN_TARGET, dbt_environment(url))
    file = home / "marts.duckdb"
    marts = [ExportedTable(name, f"{SCHEMAS[RUN_TARGET]}_marts") for name in MARTS]
    export_marts(url, marts, file, run_id="test", as_of=AS_OF)
    with duckdb.connect(str(file)) as db:
        for table, rows in published(SCHEMAS[RUN_TARGET], url).items():
            write(db, table, rows)
    yield file
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def shows_data(png: str) -> bool:
    """Whether a figure has coloured pixels: data are in colour, axes and text are grey or black."""
    pixels = plt.imread(io.BytesIO(base64.b64decode(png)))[..., :3]
    return float(np.mean(np.ptp(pixels, axis=2) > 0.1)) > 0.001


def run(notebook: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run the notebook on `file`; the number of figures, and all that it printed. Fails on anything on stderr."""
    monkeypatch.setenv("TLU_MARTS", str(file))
    cells = nbformat.read(notebook, as_version=4)
    NotebookClient(cells, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(FOLDER)}}).execute()
    outputs: list[Any] = [output for cell in cells.cells for output in cell.get("outputs", [])]
    # A font that lacks a letter warns here.
    assert not [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    figures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert all(map(shows_data, figures)), "a figure is empty"
    return len(figures), "".join(output.text for output in outputs if output.output_type == "stream")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_outputs(notebook: Path) -> None:
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    assert cells
    assert not [cell.source for cell in cells if cell.outputs or cell.execution_count]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_draws_the_sample(notebook: Path, sample_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures, printed = run(notebook, sample_file, monkeypatch)
    assert figures >= 5
    assert "Not enough data" not in printed


@pytest.mark.parametrize("rows", [0, 15])
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_says_so_where_there_is_not_enough(
    notebook: Path, rows: int, sample_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tmp_path / "few.duckdb"
    with duckdb.connect(str(few)) as db:
        db.execute(f"attach '{sample_file}' as whole (read_only)")
        for table in [*MARTS, *SERVED, "_export"]:
            limit = "" if table == "_export" else f"limit {rows}"
            db.execute(f"create table {table} as from whole.{table} {limit}")
    _, printed = run(notebook, few, monkeypatch)
    assert "Not enough data" in printed


def test_the_ledger_is_drawn_once_predicted_exams_have_scores(
    sample_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = FOLDER / "score_trend_analysis.ipynb"
    before, said = run(notebook, sample_file, monkeypatch)
    assert "Nothing to hold the promise against yet" in said
    file = Path(shutil.copy(sample_file, tmp_path))
    with duckdb.connect(str(file)) as db:
        db.execute("""
            insert into fct_score_coverage
            select cut.dimension, cut.value, 40, 0.8, 0.65, 0.9, 0.9, 30, 10, 0.3, 0.25
            from (values ('all', 'all'), ('exam_kind', 'mock'), ('tenant_id', 'a')) as cut (dimension, value)
        """)

    after, said = run(notebook, file, monkeypatch)

    assert after == before + 1
    assert "Nothing to hold" not in said


def test_what_came_of_the_outlook_and_of_warnings_is_drawn_once_it_is_known(
    sample_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = FOLDER / "learning_pattern_analysis.ipynb"
    before, said = run(notebook, sample_file, monkeypatch)
    assert "Nothing is settled yet" in said
    assert "No verdict yet" in said
    file = Path(shutil.copy(sample_file, tmp_path))
    with duckdb.connect(str(file)) as db:
        db.execute("""
            insert into fct_prediction_calibration
            select 'weekly_completion', tenth, 40, 10 * tenth - 5, 9 * tenth from range(1, 11) as tenths (tenth)
        """)
        db.execute("""
            insert into fct_warning_rules
            select uuid(), rule, '2026-10', 12, 8, 9, 5, 3, 6
            from (values ('burnout_risk'), ('streak_break')) as rules (rule)
        """)

    after, said = run(notebook, file, monkeypatch)

    assert after == before + 2
    assert "Nothing is settled yet" not in said
    assert "No verdict yet" not in said


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("TLU_MARTS", str(tmp_path / "none.duckdb"))
    import plots

    with pytest.raises(FileNotFoundError, match="make run"):
        plots.connect()
