"""The card of the recommender says what was measured, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ml_assets.recommender.backtest import evaluate_recommender
from orchestration.model_card import NotABacktest, read_measured, recommender_card
from tests.ml_assets.worlds import paced_class


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


def test_every_file_that_is_no_backtest_is_named(tmp_path: Path) -> None:
    texts = {"text.json": "nonsense", "other.json": '{"x": 1}', "list.json": "[]"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
    files = [tmp_path / name for name in (*texts, "missing.json")]

    with pytest.raises(NotABacktest) as refused:
        read_measured(files)

    assert all(str(file) in str(refused.value) for file in files)
