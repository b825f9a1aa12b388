"""Which contents are started by the same students: item-item weights W, with a choice of builders.

Belongs here: sums over students, the builders of W, scores x · W. Not here: order in time (links.py), popularity.

The contract is `score = x · W`, with x a student's starts over the whole catalogue, 1 or nothing, and W sparse. A
builder makes W from `CoStarts` alone, which are additive over students, so that buckets of students can be summed
apart. All are linear and closed (see Ferrari Dacrema et al. 2021 for how well such models do):

- `shrunk_cosine`: item-kNN
- `rp3beta`: two steps of a random walk, popular targets held back (Paudel et al. 2017); its sums are counted as walks
- `ease`: ridge regression of each content on all others (Steck 2019); dense within, for up to some 10 000 contents
- `local_ease`: the same on each content's nearest neighbours only: many small systems instead of one large
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.linalg
from scipy.sparse import coo_array, csc_array, csr_array

from ml_assets.recommender.candidates import Floats, Ints
from ml_assets.recommender.config import BuilderName

_CHUNK: Final = 2048


@dataclass(frozen=True)
class CoStarts:
    """Sums over students: `pairs`, contents × contents, and `starters` of each content.

    A student adds 1 to each pair of their starts, or, counted as a walk, 1 over the number of their starts.
    """

    pairs: csr_array
    starters: Floats

    def __add__(self, other: CoStarts) -> CoStarts:
        return CoStarts((self.pairs + other.pairs).tocsr(), self.starters + other.starters)


@dataclass(frozen=True, kw_only=True)
class SimilarityConfig:
    """Settings of the builders. Where they are from is said in benchmarks/recommender.py, which measures them."""

    neighbours: int = 200
    """Largest weights that are kept of each content."""

    cosine_power: float = 0.5
    """Power of the number of starters of both contents: .5 is the cosine."""

    cosine_shrink: float = 10.0
    """Students added to the denominator, so that few in common are not taken for much."""

    walk_popularity: float = 0.6
    """RP3beta's beta: power of the target's starters that its weight is divided by."""

    ridge: float = 200.0
    """Penalty of EASE, in students."""


def count_pairs(starts: csr_array, *, as_walk: bool = False) -> CoStarts:
    """Sums over the students of `starts` (students × contents, 1 where started)."""
    x = starts.astype(np.float32)
    count = np.diff(x.indptr)
    share = np.repeat(1.0 / np.maximum(count, 1), count) if as_walk else x.data
    pairs = x.T @ csr_array((share.astype(np.float32), x.indices, x.indptr), x.shape)
    return CoStarts(pairs.tocsr(), np.bincount(x.indices, minlength=x.shape[1]).astype(np.float64))


def shrunk_cosine(sums: CoStarts, config: SimilarityConfig) -> csr_array:
    """Students in common over the powers of the students of each, shrunk."""
    pairs = _off_diagonal(sums.pairs)
    power = sums.starters**config.cosine_power
    pairs.data /= (power[pairs.row] * power[pairs.col] + config.cosine_shrink).astype(np.float32)
    return _largest(pairs.tocsc(), config.neighbours)


def rp3beta(sums: CoStarts, config: SimilarityConfig) -> csr_array:
    """Chance to come from a content to another by a random student of it, over a power of the other's starters.

    `sums` are counted as walks.
    """
    pairs = _off_diagonal(sums.pairs)
    starters = np.maximum(sums.starters, 1.0)
    pairs.data /= (starters[pairs.row] * starters[pairs.col] ** config.walk_popularity).astype(np.float32)
    return _largest(pairs.tocsc(), config.neighbours)


def ease(sums: CoStarts, config: SimilarityConfig) -> csr_array:
    """Weights of a ridge regression without a content's own: -P_ij / P_jj with P = (X'X + ridge)⁻¹."""
    gram = sums.pairs.toarray()
    gram[np.diag_indices_from(gram)] += np.float32(config.ridge)
    factor, _ = scipy.linalg.lapack.spotrf(gram, overwrite_a=True)
    inverse, _ = scipy.linalg.lapack.spotri(factor, overwrite_c=True)
    inverse = np.triu(inverse) + np.triu(inverse, 1).T
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return _largest_of_dense(weights, config.neighbours)


def local_ease(sums: CoStarts, config: SimilarityConfig) -> csr_array:
    """`ease` of each content on its `neighbours` nearest by shrunk cosine: many small systems instead of one large."""
    near = shrunk_cosine(sums, config).tocsc()
    contents, size = near.shape[0], config.neighbours
    count = np.diff(near.indptr)
    gram = sums.pairs.toarray()
    columns, data = np.zeros((contents, size), dtype=np.int64), np.zeros((contents, size), dtype=np.float32)
    has = np.arange(size) < count[:, None]
    columns[has] = near.indices
    for low in range(0, contents, _BATCH):
        chosen = slice(low, min(low + _BATCH, contents))
        sets, mask = columns[chosen], has[chosen]
        system = gram[sets[:, :, None], sets[:, None, :]] * (mask[:, :, None] & mask[:, None, :])
        system += np.eye(size, dtype=np.float32) * np.float32(config.ridge)
        target = gram[sets, np.arange(chosen.start, chosen.stop)[:, None]] * mask
        data[chosen] = np.linalg.solve(system, target[:, :, None])[:, :, 0]
    rows, own = columns[has], np.repeat(np.arange(contents), count)
    return csr_array((data[has], (rows, own)), (contents, contents))


def build(name: BuilderName, starts: csr_array, config: SimilarityConfig) -> csr_array:
    """W of `starts` (students × contents, 1 where started) by one of `BUILDERS`."""
    return BUILDERS[name](count_pairs(starts, as_walk=name == "rp3beta"), config)


Builder = Callable[[CoStarts, SimilarityConfig], csr_array]
BUILDERS: Final[dict[BuilderName, Builder]] = {
    "shrunk_cosine": shrunk_cosine,
    "rp3beta": rp3beta,
    "ease": ease,
    "local_ease": local_ease,
}

_BATCH: Final = 64
"""Small systems that are solved at once: 64 of 200 × 200 are 10 MB."""


def top_n(starts: csr_array, weights: csr_array, n: int) -> tuple[Ints, npt.NDArray[np.float32]]:
    """The `n` best contents that each student has not started, and their scores, best first; -1 and 0 for none."""
    students, contents = starts.shape
    n = min(n, contents)
    best, scores = np.full((students, n), -1, dtype=np.int64), np.zeros((students, n), dtype=np.float32)
    for low in range(0, students, _CHUNK):
        x = starts[low : low + _CHUNK]
        dense = (x @ weights).toarray()
        dense[np.repeat(np.arange(x.shape[0]), np.diff(x.indptr)), x.indices] = -np.inf
        part = np.argpartition(-dense, n - 1, axis=1)[:, :n]
        value = np.take_along_axis(dense, part, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        found = np.take_along_axis(value, order, axis=1)
        is_candidate = found > 0
        best[low : low + _CHUNK] = np.where(is_candidate, np.take_along_axis(part, order, axis=1), -1)
        scores[low : low + _CHUNK] = np.where(is_candidate, found, 0.0)
    return best, scores


def _off_diagonal(matrix: csr_array) -> coo_array:
    pairs = matrix.tocoo()
    keep = pairs.row != pairs.col
    return coo_array((pairs.data[keep], (pairs.row[keep], pairs.col[keep])), matrix.shape)


def _largest(columns: csc_array, k: int) -> csr_array:
    """`columns` with the `k` largest entries of each column; of equal ones the first."""
    owner = np.repeat(np.arange(columns.shape[1]), np.diff(columns.indptr))
    order = np.lexsort((columns.indices, -columns.data, owner))
    place = np.arange(len(order)) - columns.indptr[owner[order]]
    kept = order[place < k]
    return csr_array((columns.data[kept], (columns.indices[kept], owner[kept])), columns.shape)


def _largest_of_dense(weights: npt.NDArray[np.float32], k: int) -> csr_array:
    """`weights` with the `k` entries largest in size of each column."""
    contents = len(weights)
    if k >= contents:
        return csr_array(weights)
    rows = np.argpartition(-np.abs(weights), k, axis=0)[:k]
    columns = np.broadcast_to(np.arange(contents), rows.shape)
    return csr_array((weights[rows, columns].ravel(), (rows.ravel(), columns.ravel())), weights.shape)
