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
import psycopg
import pytest
from nbclient import NotebookClient

from local_supabase import sample, schema
from ml_assets.score_prediction.model import fit
from ml_assets.score_prediction.publication import predictions
from orchestration.assets.exports import MARTS
from orchestration.cutoff import Cutoff
from orchestration.features import read_score_input
from orchestration.marts import ExportedTable, export_marts
from orchestration.settings import REPOSITORY, Settings
from orchestration.transform import RUN_TARGET, SCHEMAS, dbt_environment, run_dbt

FOLDER = REPOSITORY / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
AS_OF = dt.date(2026, 11, 23)
# What the app reads, and a notebook too.
SERVED = ("score_predictions",)


@pytest.fixture(scope="module")
def sample_file(postgres_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Marts of a sample of 300 students, and what is predicted of them."""
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
    inputs = read_score_input(url, SCHEMAS[RUN_TARGET])
    rows = predictions(fit(inputs), inputs)
    with duckdb.connect(str(file)) as db:
        db.register("predicted", rows)
        db.execute("""
            create table score_predictions as
            select * replace (student_id::uuid as student_id, target_date::date as target_date) from predicted
        """)
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
    file = shutil.copy(sample_file, tmp_path)
    with duckdb.connect(str(file)) as db:
        db.execute("""
            insert into fct_score_coverage
            select cut.dimension, cut.value, 40, 0.8, 0.65, 0.9, 0.9, 30, 10, 0.3, 0.25
            from (values ('all', 'all'), ('exam_kind', 'mock'), ('tenant_id', 'a')) as cut (dimension, value)
        """)

    after, said = run(notebook, file, monkeypatch)

    assert after == before + 1
    assert "Nothing to hold" not in said


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("TLU_MARTS", str(tmp_path / "none.duckdb"))
    import plots

    with pytest.raises(FileNotFoundError, match="make run"):
        plots.connect()
