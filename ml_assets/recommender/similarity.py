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
from scipy.sparse import csr_array

from ml_assets.recommender.candidates import Floats
from ml_assets.recommender.config import BuilderName

Block = npt.NDArray[np.float32]

_TARGETS: Final = 512
"""Targets whose pairs are dense at once: of 100 000 contents 200 MB."""

_BATCH: Final = 64
"""Small systems that are solved at once: 64 of 200 × 200 are 10 MB."""


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
    """Settings of the builders: from the middle of the grids in benchmarks/recommender.py, not tuned on our data."""

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
    power = (sums.starters**config.cosine_power).astype(np.float32)

    def weigh(pairs: Block, targets: slice) -> Block:
        pairs /= power[:, None] * power[None, targets] + np.float32(config.cosine_shrink)
        return pairs

    return _neighbours(sums, weigh, config.neighbours)


def rp3beta(sums: CoStarts, config: SimilarityConfig) -> csr_array:
    """Chance to come from a content to another by a random student of it, over a power of the other's starters.

    `sums` are counted as walks.
    """
    starters = np.maximum(sums.starters, 1.0).astype(np.float32)
    held_back = starters ** np.float32(config.walk_popularity)

    def weigh(pairs: Block, targets: slice) -> Block:
        pairs /= starters[:, None] * held_back[None, targets]
        return pairs

    return _neighbours(sums, weigh, config.neighbours)


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
    if not starts.shape[1]:
        return csr_array((0, 0), dtype=np.float32)
    return BUILDERS[name](count_pairs(starts, as_walk=name == "rp3beta"), config)


Builder = Callable[[CoStarts, SimilarityConfig], csr_array]
BUILDERS: Final[dict[BuilderName, Builder]] = {
    "shrunk_cosine": shrunk_cosine,
    "rp3beta": rp3beta,
    "ease": ease,
    "local_ease": local_ease,
}


def _neighbours(sums: CoStarts, weigh: Callable[[Block, slice], Block], k: int) -> csr_array:
    """The `k` largest weights of each content; `weigh` takes pairs with some targets, contents × targets."""
    contents = sums.pairs.shape[0]
    pairs = sums.pairs.tocsc()
    rows, columns, data = [], [], []
    for low in range(0, contents, _TARGETS):
        targets = slice(low, min(low + _TARGETS, contents))
        block = weigh(pairs[:, targets].toarray(), targets)
        block[np.arange(targets.start, targets.stop), np.arange(block.shape[1])] = 0.0
        best = np.argpartition(-block, k - 1, axis=0)[:k] if k < contents else np.arange(contents)[:, None]
        found = np.take_along_axis(block, np.broadcast_to(best, (len(best), block.shape[1])), axis=0)
        place, target = np.nonzero(found)
        rows.append(np.broadcast_to(best, found.shape)[place, target])
        columns.append(target + low)
        data.append(found[place, target])
    places = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(data), places), (contents, contents))


def _largest_of_dense(weights: Block, k: int) -> csr_array:
    """`weights` with the `k` entries largest in size of each column."""
    contents = len(weights)
    if k >= contents:
        return csr_array(weights)
    rows = np.argpartition(-np.abs(weights), k, axis=0)[:k]
    columns = np.broadcast_to(np.arange(contents), rows.shape)
    return csr_array((weights[rows, columns].ravel(), (rows.ravel(), columns.ravel())), weights.shape)
