"""The card of the recommender says what was measured, and nothing else."""

from __future__ import annotations

import pandas as pd

from ml_assets.recommender.backtest import evaluate_recommender
from orchestration.model_card import recommender_card
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
