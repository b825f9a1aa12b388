"""The weights of a score, learned from choices: known answers."""

from __future__ import annotations

import numpy as np
import pytest

from ml_assets.recommender.weights import Choices, learn_weights

NAMES = ("liked", "disliked", "noise", "free")
PRIOR = {"liked": 0.5, "disliked": 0.2, "noise": 0.3, "free": 0.0}
POSITIVE = {"liked", "disliked", "noise"}


def choices(students: int, seed: int = 1) -> Choices:
    """Each student takes one of ten; `liked` counts 1.5, `disliked` -1, `free` -0.8, `noise` nothing."""
    rng = np.random.default_rng(seed)
    terms = rng.normal(size=(students * 10, 4)) * [1.0, 1.0, 5.0, 0.5] + [0, 0, 100, 0]
    utility = terms @ [1.5, -1.0, 0.0, -0.8] + rng.gumbel(size=students * 10)
    taken = utility.reshape(students, 10).argmax(axis=1) + np.arange(students) * 10
    chosen = np.zeros(students * 10, dtype=bool)
    chosen[taken] = True
    return Choices(NAMES, np.repeat(np.arange(students), 10), terms, chosen)


def test_weights_are_found_again_and_none_that_must_not_is_negative() -> None:
    found = learn_weights(choices(4000), PRIOR, POSITIVE, strength=1)
    assert found["disliked"] == 0
    assert found["noise"] == pytest.approx(0, abs=0.02)
    free = learn_weights(choices(4000), PRIOR, {"liked"}, strength=1)
    assert free == pytest.approx({"liked": 1.5, "disliked": -1.0, "noise": 0.0, "free": -0.8}, abs=0.1)


def test_few_choices_leave_the_weights_near_the_prior() -> None:
    few, many = (learn_weights(choices(n), PRIOR, {"liked"}, strength=20) for n in (3, 3000))
    assert abs(few["liked"] - PRIOR["liked"]) < 0.3
    assert abs(many["liked"] - 1.5) < 0.2
    nothing = choices(5)
    nothing.chosen[:] = False
    assert learn_weights(nothing, PRIOR, POSITIVE, strength=20) == PRIOR


def test_the_same_choices_give_the_same_weights() -> None:
    assert learn_weights(choices(200), PRIOR, POSITIVE, 20) == learn_weights(choices(200), PRIOR, POSITIVE, 20)


def test_a_student_without_a_choice_says_nothing() -> None:
    some = choices(300)
    chosen = some.chosen.copy()
    chosen[: 100 * 10] = False
    rest = Choices(NAMES, some.owner[1000:], some.terms[1000:], some.chosen[1000:])
    silent = Choices(NAMES, some.owner, some.terms, chosen)
    expected = learn_weights(rest, PRIOR, POSITIVE, 0.001)
    assert learn_weights(silent, PRIOR, POSITIVE, 0.001) == pytest.approx(expected, abs=0.02)
