"""The cards say what was measured, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ml_assets.recommender.backtest import evaluate_recommender
from ml_assets.score_prediction.backtest import evaluate_scores
from ml_assets.score_prediction.inputs import ScorePredictionInput
from ml_assets.score_prediction.scale import grade_of_percentile, percentile_of_z
from orchestration import settings
from orchestration.cli import app
from orchestration.model_cards.measured import NotABacktest, read_measured
from orchestration.model_cards.recommender import recommender_card
from orchestration.model_cards.score_predictor import score_predictor_card
from tests.ml_assets.worlds import paced_class

AS_OF = dt.date(2026, 9, 1)


@pytest.fixture(scope="module")
def score_block() -> dict[str, Any]:
    """What a backtest measures in a class of 60 with eleven exams; every fourth student sits the last alone."""
    rng = np.random.default_rng(5)
    days = pd.to_datetime(pd.Timestamp(AS_OF) + pd.to_timedelta(np.arange(-9, 2) * 56 + 20, unit="D"))
    student, exam = (part.ravel() for part in np.mgrid[0:60, 0 : len(days)])
    sits = (student % 4 > 0) | (exam == len(days) - 1)
    student, exam = student[sits], exam[sits]
    difficulty, ability = rng.normal(0, 0.4, len(days)), rng.normal(0, 0.8, 60)
    percentile = percentile_of_z(ability[student] - difficulty[exam] + rng.normal(0, 0.5, len(student)))
    scores = pd.DataFrame(
        {
            "score_id": np.arange(len(student)).astype(str),
            "student_id": student.astype(str),
            "subject_group": "수학",
            "subject_id": "미적분",
            "exam_kind": "mock",
            "exam_type": "kice",
            "exam_date": days[exam],
            "known_date": days[exam],
            "course_day": 30.0,
            "percentile": percentile,
            "percentile_basis": "percentile",
            "rank_grade": grade_of_percentile(percentile, 9),
            "rank_grade_levels": 9,
        }
    ).reindex(columns=_SCORE_COLUMNS)
    is_before = scores["known_date"] < pd.Timestamp(AS_OF)
    inputs = ScorePredictionInput(
        as_of=AS_OF,
        students=pd.DataFrame({"student_id": np.arange(60).astype(str), "tenant_id": "t"}).assign(
            school_type="HIGH", school_year_level=2
        ),
        scores=scores[is_before],
        effort=pd.DataFrame(columns=_EFFORT_COLUMNS),
        courses=pd.DataFrame(columns=["student_id", "subject_group", "subject_id", "course_start_date"]),
    )
    later = scores[~is_before]
    block: dict[str, Any] = json.loads(json.dumps(evaluate_scores(inputs, later)))
    return block


_SCORE_COLUMNS = [
    *("score_id", "student_id", "subject_group", "subject_id", "exam_kind", "exam_type", "exam_date", "known_date"),
    *("course_day", "school_year_level", "raw_score", "percentile", "percentile_basis", "rank_grade"),
    *("rank_grade_levels", "standard_score", "credit_hours"),
]
_EFFORT_COLUMNS = [
    *("student_id", "subject_group", "week_start", "planned_count", "done_count", "carried_over_count"),
    "net_seconds",
]


def test_every_figure_of_a_backtest_is_on_the_card() -> None:
    world = paced_class(students=20)
    later = pd.DataFrame([u[:2] for u in world.uses if u[2] <= 14], columns=["student_id", "content_id"])
    block = evaluate_recommender(world.input(before=14), later).to_dict()

    card = recommender_card({"paced": [{"as_of": "2024-04-17", "recommendations": block}]})

    assert f"### paced, 2024-04-17: {block['students']} students" in card
    for name, figures in {
        "ours": block,
        "ours, not re-ranked": block["before_reranking"],
        **block["baselines"],
    }.items():
        assert f"| {name} | {figures['ndcg_at_20']:.3f} | {figures['ndcg_at_10']:.3f} |" in card
    for baseline, lift in block["lift_over"].items():
        assert f"| {baseline} | {lift['all']['ndcg_at_20']['value']:+.0%} (" in card
    assert "{" not in card


def test_every_score_figure_of_a_backtest_is_on_the_card(score_block: dict[str, Any]) -> None:
    block = score_block

    card = score_predictor_card({"made": [{"as_of": "2026-09-01", "score_predictions": block}]})

    assert f"### made, 2026-09-01: {block['n']} scores, `{block['in_use']}`" in card
    for name, figures in {"ours": block, **block["baselines"]}.items():
        assert f"| {name} | {figures['mae']:.2f} | {figures['rmse']:.2f} | {figures['r2']:.2f} |" in card
    for baseline, gain in block["gain_over"].items():
        assert f"| {baseline} | {gain['value']:+.1%} ({gain['low']:+.1%} to {gain['high']:+.1%}) |" in card
    plain, nobody = block["plain_split_conformal"], block["by_n_past"]["0"]
    for name, figures in {"all": block, "0 past": nobody, "mock": block["by_kind"]["mock"]}.items():
        shares = f"{figures['coverage_80']:.1%} | {figures['coverage_90']:.1%}"
        assert f"| {name} | {figures['mae']:.2f} | {shares} | {figures['width_80']:.2f} |" in card
        assert f"({figures['n']})" in card
    assert f"| all, plain split conformal | – | {plain['coverage_80']:.1%} | – | {plain['width_80']:.2f} |" in card
    grades = block["rank_grade_9"]
    assert f"| 9 ({grades['n']}) | {grades['mae']:.2f} | {grades['baselines']['last']:.2f} |" in card
    promised, achieved = block["confidence"].values()
    assert f"promised {promised:.1%}, achieved {achieved:.1%}" in card
    assert f"{block['validation']['rows']} scores: MAE" in card
    assert "{" not in card
    assert "nan" not in card


def test_a_backtest_without_outcomes_says_so(score_block: dict[str, Any]) -> None:
    nothing = {"n": 0, "in_use": "shrunken_mean"}
    unknown = {"coverage_80": float("nan"), "width_80": float("nan"), "winkler_80": float("nan")}
    only_new = {
        **nothing, "plain_split_conformal": unknown, "confidence": {}, "by_kind": {}, "validation": {"rows": 0},
        "by_n_past": {"0": score_block["by_n_past"]["0"]},
    }  # fmt: skip
    days = [{"as_of": f"day {number}", "score_predictions": b} for number, b in enumerate((nothing, only_new))]

    first, second = score_predictor_card({"made": days}).split("### ")[1:]

    assert "0 scores, `shrunken_mean`\n\nNo score of an exam to come.\n" in first
    assert "| 0 past | " in second
    assert "| all" not in second
    assert "nan" not in second


def test_a_card_is_written_from_the_files_that_have_its_figures(
    score_block: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "REPOSITORY", tmp_path)
    measured, older = tmp_path / "made.json", tmp_path / "older.json"
    measured.write_text(json.dumps({"cutoffs": [{"as_of": "2026-09-01", "score_predictions": score_block}]}), "utf-8")
    older.write_text(json.dumps({"cutoffs": [{"as_of": "2026-08-01"}]}), "utf-8")

    result = CliRunner().invoke(app, ["model-card", str(measured), str(older)])

    assert result.exit_code == 0, result.output
    written = tmp_path / "docs" / "model_cards"
    assert [card.name for card in written.iterdir()] == ["score_predictor.md"]
    assert "2026-09-01" in (written / "score_predictor.md").read_text("utf-8")
    assert "recommender.md stays as it is" in result.output


def test_every_file_that_is_no_backtest_is_named(tmp_path: Path) -> None:
    texts = {"text.json": "nonsense", "other.json": '{"x": 1}', "list.json": "[]"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
    files = [tmp_path / name for name in (*texts, "missing.json")]

    with pytest.raises(NotABacktest) as refused:
        read_measured(files)

    assert all(str(file) in str(refused.value) for file in files)
