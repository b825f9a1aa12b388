"""How the terms of a score are weighed: learned from what students chose, out of what they could have chosen.

Belongs here: the conditional logit and its solver. Not here: the terms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ml_assets.recommender.candidates import Bools, Floats, Ints


@dataclass(frozen=True)
class Choices:
    """Candidates of some students, in order of student: `owner`, `terms` (rows × names), and which were `chosen`."""

    names: tuple[str, ...]
    owner: Ints
    terms: Floats
    chosen: Bools


def learn_weights(
    choices: Choices, prior: Mapping[str, float], positive: Collection[str], strength: float
) -> dict[str, float]:
    """Weights under which the chosen candidates are likeliest among all of their student's (McFadden 1974).

    Every student counts once, however much they chose, as in the metrics. Weights of `positive` are 0 or more. All are
    pulled to `prior` as `strength` students would pull them, each on the scale of its term's standard deviation, and
    are the prior where nothing was chosen.
    """
    start = np.array([prior[name] for name in choices.names])
    picked = np.flatnonzero(choices.chosen)
    if not len(picked):
        return dict(prior)
    scale = choices.terms.std(axis=0) + 1e-9
    terms = (choices.terms - choices.terms.mean(axis=0)) / scale
    first = np.flatnonzero(np.r_[True, choices.owner[1:] != choices.owner[:-1]])
    size = np.diff(np.r_[first, len(choices.owner)])
    group = np.repeat(np.arange(len(first)), size)
    picks = np.bincount(group[picked], minlength=len(first)).astype(np.float64)
    share = np.divide(1.0, picks, out=np.zeros_like(picks), where=picks > 0)
    wanted = share[group[picked]] @ terms[picked]
    chose = (picks > 0).astype(np.float64)
    prior_scaled = start * scale

    def loss(weights: Floats) -> tuple[float, Floats]:
        score = terms @ weights
        top = np.maximum.reduceat(score, first)
        likely = np.exp(score - top[group])
        total = np.add.reduceat(likely, first)
        expected = (likely * (chose / total)[group]) @ terms
        pull = weights - prior_scaled
        value = chose @ (np.log(total) + top) - wanted @ weights + 0.5 * strength * (pull @ pull)
        return float(value) / len(first), (expected - wanted + strength * pull) / len(first)

    bounds = [(0.0, None) if name in positive else (None, None) for name in choices.names]
    found = minimize(loss, prior_scaled, jac=True, bounds=bounds, method="L-BFGS-B").x / scale
    return {name: float(np.round(weight, 9)) for name, weight in zip(choices.names, found, strict=True)}
