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

from ml_assets.evaluation.probabilities import figures_by_group, probability_figures
from ml_assets.recommender.backtest import evaluate_recommender
from ml_assets.score_prediction.backtest import evaluate_scores
from ml_assets.score_prediction.inputs import ScorePredictionInput
from ml_assets.score_prediction.scale import grade_of_percentile, percentile_of_z
from ml_assets.subject_risk.backtest import LATER_METHODS as LATER
from ml_assets.subject_risk.backtest import METHODS
from orchestration import settings
from orchestration.cli import app
from orchestration.model_cards.measured import NotABacktest, read_measured
from orchestration.model_cards.outlook import outlook_card, read_fairness
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


RULE = {
    "alerts": 40,
    "precision": 0.25,
    "came_true": 0.375,
    "recall": 0.5,
    "median_lead_days": 9.0,
    "flaps_per_student": 0.125,
}
MINUTES = {"n": 60, "within_p80": 0.79, "within_p50": 0.52, "median_mae": 7.5}


def told(seed: int) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]]:
    """What happened to 200 students, and how likely it was said to be."""
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0, 1, 200)
    return (rng.uniform(0, 1, 200) < probability).astype(float), probability


def question(seed: int) -> dict[str, Any]:
    short = {"auroc": 0.61 + seed / 1000, "brier": 0.23, "expected_calibration_error": 0.04}
    return {**probability_figures(*told(seed)), "in_use": "additive", "baselines": {"base_rate": short}}


@pytest.fixture
def outlook_cutoff() -> dict[str, Any]:
    """What a backtest of the outlook and the patterns prints, with made-up figures that all differ."""
    return {
        "as_of": "2026-09-01",
        "outlook": {
            "burnout_risk": {**question(1), "by_course_start": {"2026-03-02": question(2)}},
            "exam_readiness": {"n": 3, "in_use": "insufficient"},
            "warnings": {
                "students": 300, "days": 56, "events": 77, "held_back": 5, **RULE, "alerts": 41, "precision": 0.625,
                "baselines": {"idle_7_days": {**RULE, "alerts_without_budget": 512}},
            },
        },
        "patterns": {
            "counts": {"students": 290, "with_timed_sessions": 210, "told": {"preferred_study_times": 123}},
            "preferred_slot": {
                "n": 99, "first": 0.81, "among_told": 0.91,
                "baselines": {
                    "most_counted": {"first": 0.71, "among_told": 0.72},
                    "most_common_of_others": {"first": 0.41, "among_told": 0.42},
                },
            },
            "peak_hour": {
                "n": 88, "within_one_hour": 0.83,
                "baselines": {
                    "most_counted": {"within_one_hour": 0.73},
                    "most_common_of_others": {"within_one_hour": None},
                },
            },
            "completion_by_weekday": {"n": 4321, "brier": 0.2111, "baselines": {"rate_of_all": {"brier": 0.2222}}},
            "realistic_minutes": {
                **MINUTES, "by_basis": {"own": {**MINUTES, "n": 33}}, "per_unit": {**MINUTES, "median_mae": 1.5},
                "by_pace": {
                    "n": 44, "within_p80": 0.78, "median_mae": 6.5,
                    "baselines": {"app_estimate": {"within_p80": 0.48, "median_mae": 12.5}},
                },
            },
            "hidden": {
                "students": 166,
                "preferred_slot": {
                    "told": 0.98, "first": 0.93, "among_told": 0.96, "baselines": {"most_counted": {"first": 0.92}}
                },
                "peak_hour": {
                    "told": 0.97, "within_one_hour": 0.87,
                    "baselines": {"most_counted": {"within_one_hour": 0.67}},
                },
                "under_minimum": {"students": 22, "told": 0},
            },
            "subjects": {
                "rows": 1500, "sufficient": 1400,
                "later": {
                    "n": 700,
                    "below_40": {"n": 700, "auroc": dict.fromkeys(LATER, 0.777)},
                    "own_lowest": {"n": 650, "auroc": dict.fromkeys(LATER, None)},
                },
                "hidden": {
                    "at_least_4_scores": {
                        "n": 201,
                        "named": {method: {"weakest": 0.825, "strongest": 0.815} for method in METHODS},
                        "lowest_and_highest": {method: {"weakest": 0.865, "strongest": 0.855} for method in METHODS},
                        "ceiling": {"weakest": 0.845, "strongest": 0.835},
                    },
                    "at_least_4_scores_in_each": {"n": 0},
                },
            },
        },
    }  # fmt: skip


def test_every_figure_of_the_outlook_is_on_the_card(outlook_cutoff: dict[str, Any]) -> None:
    card = outlook_card({"made": [outlook_cutoff]})

    assert card.count("### made, 2026-09-01") == 2
    for title, seed in {"burnout_risk": 1, "burnout_risk, courses from 2026-03-02": 2}.items():
        own = question(seed)
        probability = f"{own['auroc']:.4f} | {own['brier']:.4f} | {own['expected_calibration_error']:.4f}"
        assert f"| {title} | `additive` | 200 | {own['rate']:.1%} | {probability} |" in card
        assert f"|  | base_rate |  |  | {0.61 + seed / 1000:.4f} | 0.2300 | 0.0400 |" in card
        tenths = [f"{100 * tenth['predicted']:.1f} / {100 * tenth['happened']:.1f}" for tenth in own["deciles"]]
        assert f"| {title} | {' | '.join(tenths)} |" in card
    assert "| exam_readiness | `insufficient` | 3 | – | – | – | – |" in card
    assert "| ours | 41 | 62.5% | 37.5% | 50.0% | 9 | 0.125 | – |" in card
    assert "| idle_7_days | 40 | 25.0% | 37.5% | 50.0% | 9 | 0.125 | 512 |" in card
    assert "{" not in card
    assert "None" not in card


def test_every_figure_of_the_patterns_is_on_the_card(outlook_cutoff: dict[str, Any]) -> None:
    card = outlook_card({"made": [outlook_cutoff]})

    for row in (
        "Told of 290 students, 210 with timed sessions: `preferred_study_times` 123.",
        "| time of day, the first told | 99 | 81.0% | 71.0% | 41.0% |",
        "| time of day, among those told | 99 | 91.0% | 72.0% | 42.0% |",
        "| peak hour, within one hour | 88 | 83.0% | 73.0% | – |",
        "| rate of the weekday | 4,321 | 0.2111 | 0.2222 |",
        "| all | 60 | 79.0% | 52.0% | 7.5 |",
        "| own | 33 | 79.0% | 52.0% | 7.5 |",
        "| minutes a unit | 60 | 79.0% | 52.0% | 1.5 |",
        "| estimate × own pace | 44 | 78.0% | – | 6.5 |",
        "| the app's estimate |  | 48.0% |  | 12.5 |",
        "| time of day | 98.0% | 93.0% | 96.0% | 92.0% |",
        "| peak hour, within one hour | 97.0% | 87.0% | – | 67.0% |",
        "Under 10 sessions: 22 students, of whom 0 were told anything.",
        "Risk is known of 1,400 of 1,500 students × 교과.",
        "| a place below 40 | 700 | 0.777 | 0.777 | 0.777 | 0.777 | 0.777 |",
        "| lowest of the own | 650 | – | – | – | – | – |",
        "| made so, weakest | 82.5% | 82.5% | 82.5% | 82.5% | 84.5% |",
        "| made so, strongest | 81.5% | 81.5% | 81.5% | 81.5% | 83.5% |",
        "| by ability, weakest | 86.5% | 86.5% | 86.5% | 86.5% | – |",
        "| by ability, strongest | 85.5% | 85.5% | 85.5% | 85.5% | – |",
    ):
        assert row in card


def test_an_outlook_of_nobody_says_so() -> None:
    nobody = {
        "as_of": "2026-09-01",
        "outlook": {"burnout_risk": {"n": 0, "in_use": "insufficient", "by_course_start": {}}, "warnings": {"days": 0}},
        "patterns": {
            "counts": {"students": 0, "with_timed_sessions": 0, "told": {"preferred_study_times": 0}},
            "subjects": {"rows": 0, "sufficient": 0, "later": {"n": 0}},
        },
    }

    card = outlook_card({"made": [nobody]})

    assert "| burnout_risk | `insufficient` | 0 | – | – | – | – |" in card
    assert "No warning of falling silent." in card
    assert "Told of 0 students" in card
    assert "by tenth" not in card


def test_fairness_is_on_the_card_where_it_was_measured(outlook_cutoff: dict[str, Any], tmp_path: Path) -> None:
    happened, probability = told(3)
    group = np.array(["a", "b"], dtype=object).repeat(100)
    groups = figures_by_group(happened, probability, group, threshold=0.9)
    gaps = {"gender": {"false_alarm_rate": 1.25}}
    file = tmp_path / "fairness.json"
    file.write_text(json.dumps({"n": 200, "threshold": 0.9, "gaps_over_points": gaps, "gender": groups}), "utf-8")

    card = outlook_card({"made": [outlook_cutoff]}, read_fairness(file))

    for name, own in groups.items():
        alarms = f"{own['false_alarm_rate']:.1%} | {own['caught_rate']:.1%} | {own['precision']:.1%}"
        assert f"| {name} | 100 | {own['rate']:.1%} | {own['predicted']:.1%} | {alarms} |" in card
    assert "Widest gaps in percentage points: false_alarm_rate 1.25." in card
    assert "Widest gaps" not in outlook_card({"made": [outlook_cutoff]})


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"cutoffs": []}', '{"gaps_over_points": {"gender": {}}}'])
def test_a_file_without_fairness_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "fairness.json"
    file.write_text(text, "utf-8")

    with pytest.raises(NotABacktest, match=r"fairness\.json"):
        read_fairness(file)


def test_the_card_of_the_outlook_is_written_with_its_fairness(
    outlook_cutoff: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "REPOSITORY", tmp_path)
    measured, fairness = tmp_path / "made.json", tmp_path / "fairness.json"
    measured.write_text(json.dumps({"cutoffs": [outlook_cutoff]}), "utf-8")
    fairness.write_text(json.dumps({"n": 7654, "threshold": 0.4, "gaps_over_points": {}}), "utf-8")

    result = CliRunner().invoke(app, ["model-card", str(measured), "--fairness", str(fairness)])

    assert result.exit_code == 0, result.output
    card = (tmp_path / "docs" / "model_cards" / "outlook.md").read_text("utf-8")
    assert "burnout_risk, courses from 2026-03-02" in card
    assert "7,654 answers" in card
