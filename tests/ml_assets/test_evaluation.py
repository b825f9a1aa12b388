from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.evaluation.ranking import evaluate_rankings, ndcg_at_k, recall_at_k


def lists(**contents: str) -> pd.DataFrame:
    rows = [(student, content, rank) for student, names in contents.items() for rank, content in enumerate(names, 1)]
    return pd.DataFrame(rows, columns=["student_id", "content_id", "rank"])


def pairs(**contents: str) -> pd.DataFrame:
    rows = [(student, content) for student, names in contents.items() for content in names]
    return pd.DataFrame(rows, columns=["student_id", "content_id"])


def test_one_list_by_hand() -> None:
    hits = np.array([True, False, True, False])
    assert recall_at_k(hits, relevant=3, k=20) == pytest.approx(2 / 3)
    # 1/log2(2) + 1/log2(4) over 1/log2(2) + 1/log2(3) + 1/log2(4)
    assert ndcg_at_k(hits, relevant=3, k=20) == pytest.approx(1.5 / (1 + 0.6309297535714575 + 0.5))
    assert ndcg_at_k(hits, relevant=3, k=1) == 1.0


def test_students_are_averaged_and_one_without_a_list_counts_as_nothing() -> None:
    metrics = evaluate_rankings(lists(a="xy", b="xyz", nobody="x"), pairs(a="y", b="xy", c="x"), k=2)
    assert metrics.students == 3
    assert metrics.recall_at_k == pytest.approx((1 + 1 + 0) / 3)
    assert metrics.ndcg_at_k == pytest.approx((0.6309297535714575 + 1 + 0) / 3)


def test_more_true_contents_than_places_can_still_be_ideal() -> None:
    metrics = evaluate_rankings(lists(a="vwxyz"), pairs(a="vwxyz"), k=2)
    assert (metrics.recall_at_k, metrics.ndcg_at_k) == (pytest.approx(2 / 5), 1.0)


def test_no_truth_is_not_a_number() -> None:
    metrics = evaluate_rankings(lists(a="x"), pairs())
    assert metrics.students == 0
    assert np.isnan([metrics.recall_at_k, metrics.ndcg_at_k]).all()


@pytest.mark.parametrize(("ranked", "truth"), [(lists(a="xx"), pairs(a="x")), (lists(a="x"), pairs(a="xx"))])
def test_repeated_contents_are_refused(ranked: pd.DataFrame, truth: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="1 rows repeat"):
        evaluate_rankings(ranked, truth)


contents = st.lists(st.sampled_from("uvwxyz"), unique=True, max_size=6).map("".join)


@settings(derandomize=True, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), contents),
    st.dictionaries(st.sampled_from("abc"), contents),
    st.integers(1, 7),
)
def test_the_mean_is_that_of_single_lists(ranked: dict[str, str], truth: dict[str, str], k: int) -> None:
    metrics = evaluate_rankings(lists(**ranked), pairs(**truth), k)
    asked = {student: names for student, names in truth.items() if names}
    hits = {
        student: np.array([name in names for name in ranked.get(student, "")], bool) for student, names in asked.items()
    }
    assert metrics.students == len(asked)
    if asked:
        assert metrics.recall_at_k == pytest.approx(np.mean([recall_at_k(hits[s], len(asked[s]), k) for s in asked]))
        assert metrics.ndcg_at_k == pytest.approx(np.mean([ndcg_at_k(hits[s], len(asked[s]), k) for s in asked]))
