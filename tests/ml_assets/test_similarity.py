"""Item-item weights, against the formulas of the papers written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from ml_assets.recommender.config import BuilderName
from ml_assets.recommender.similarity import BUILDERS, SimilarityConfig, build, count_pairs

EVERYTHING = SimilarityConfig(neighbours=1000)


@pytest.fixture(scope="module")
def starts() -> csr_array:
    rng = np.random.default_rng(5)
    taste = rng.random((300, 3)) ** 3
    likes = rng.random((3, 25)) ** 2
    return csr_array((rng.random((300, 25)) < taste @ likes).astype(np.float32))


def test_cosine_by_hand() -> None:
    """Three contents: two students share the first two, one has the first alone, nobody the third with another."""
    x = csr_array(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32))
    weights = build("shrunk_cosine", x, SimilarityConfig(cosine_shrink=1.0)).toarray()
    expected = 2 / (np.sqrt(3 * 2) + 1)
    assert weights == pytest.approx(np.array([[0, expected, 0], [expected, 0, 0], [0, 0, 0]]))


def test_rp3beta_is_the_walk_over_a_power_of_the_targets_starters(starts: csr_array) -> None:
    x = starts.toarray().astype(np.float64)
    to_content = x / np.maximum(x.sum(axis=1, keepdims=True), 1)
    to_student = (x / np.maximum(x.sum(axis=0), 1)).T
    walk = to_student @ to_content / np.maximum(x.sum(axis=0), 1) ** EVERYTHING.walk_popularity
    np.fill_diagonal(walk, 0.0)
    assert build("rp3beta", starts, EVERYTHING).toarray() == pytest.approx(walk, abs=1e-6)


def test_ease_is_the_ridge_regression_without_the_own_content(starts: csr_array) -> None:
    """Column by column, as in the paper's problem: least squares on all other contents."""
    x = starts.toarray().astype(np.float64)
    weights = build("ease", starts, EVERYTHING).toarray()
    for target in range(25):
        others = np.delete(np.arange(25), target)
        gram = x[:, others].T @ x[:, others] + EVERYTHING.ridge * np.eye(24)
        assert weights[others, target] == pytest.approx(np.linalg.solve(gram, x[:, others].T @ x[:, target]), abs=1e-5)
    assert (np.diag(weights) == 0).all()


def test_local_ease_with_all_neighbours_is_ease(starts: csr_array) -> None:
    # Somebody has started everything, so that every content is every other's neighbour.
    together = csr_array(np.vstack([starts.toarray(), np.ones((1, 25), dtype=np.float32)]))
    local, whole = (build(name, together, EVERYTHING).toarray() for name in ("local_ease", "ease"))
    assert local == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("name", BUILDERS)
def test_sums_add_up_over_students_and_empty_contents_have_no_weight(name: BuilderName, starts: csr_array) -> None:
    padded = csr_array(np.pad(starts.toarray(), [(0, 0), (0, 2)]))
    walks = name == "rp3beta"
    parts = count_pairs(padded[:100], as_walk=walks) + count_pairs(padded[100:], as_walk=walks)
    config = SimilarityConfig(neighbours=10)
    together, whole = BUILDERS[name](parts, config).toarray(), build(name, padded, config).toarray()
    assert together == pytest.approx(whole, abs=1e-6)
    assert not whole[:, 25:].any()
    assert not whole[25:].any()
    assert ((whole != 0).sum(axis=0) <= 10).all()


def test_no_starts_no_weights() -> None:
    for name in BUILDERS:
        assert build(name, csr_array((4, 3), dtype=np.float32), EVERYTHING).nnz == 0
        assert build(name, csr_array((4, 0), dtype=np.float32), EVERYTHING).shape == (0, 0)
