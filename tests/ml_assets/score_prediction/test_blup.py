"""Level 1: the same answers as statsmodels' mixed models and as the formula written out, and variances found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.mixed_linear_model import MixedLM

from ml_assets.score_prediction.blup import Components, Scores, Targets, fit_components, predict
from ml_assets.score_prediction.config import ScorePredictionConfig

CONFIG = ScorePredictionConfig()
ALL = Components(0.3, 0.1, 0.1, 0.05, 0.05, 180.0, np.array([0.3, 0.5]), 0.4)

components = st.builds(
    lambda v, length, noise: Components(*v, length, np.array(noise), 0.4),
    st.tuples(*[st.floats(0, 1)] * 5),
    st.floats(20, 800),
    st.lists(st.floats(0.05, 1), min_size=2, max_size=2),
)


def scores(student: Any, place: Any, group: Any = 0, kind: Any = 0, type: Any = 0, day: Any = None, rounding: Any = 0):
    """Scores in order of student and day; what is not given is the same for all, or a score a month."""
    size = len(place)
    columns = {"student": student, "group": group, "kind": kind, "type": type}
    codes = {name: np.broadcast_to(np.asarray(values, dtype=np.int64), size) for name, values in columns.items()}
    days = np.arange(size) * 30.0 if day is None else np.asarray(day, dtype=np.float64)
    made = Scores(
        **codes,
        day=days,
        place=np.asarray(place, dtype=np.float64),
        rounding=np.broadcast_to(np.asarray(rounding, dtype=np.float64), size),
    )
    return made.take(np.lexsort((made.day, made.student)))


def targets(student: Any, group: Any = 0, kind: Any = 0, type: Any = 0, day: float = 2000.0) -> Targets:
    size = len(student)
    columns = {"student": student, "group": group, "kind": kind, "type": type}
    codes = {name: np.broadcast_to(np.asarray(values, dtype=np.int64), size) for name, values in columns.items()}
    return Targets(**codes, day=np.broadcast_to(np.float64(day), size))


def random_history(rng: np.random.Generator, students: int, most: int) -> Scores:
    count = rng.integers(0, most + 1, students)
    size = int(count.sum())
    return scores(
        np.repeat(np.arange(students), count),
        rng.normal(size=size),
        rng.integers(0, 3, size),
        rng.integers(0, 2, size),
        rng.integers(-1, 3, size),
        np.sort(rng.integers(0, 1500, size)),
        rng.uniform(0, 0.1, size),
    )


def written_out(history: Scores, asked: Targets, found: Components, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The conditional mean and variance, one target at a time, from the covariance as it stands in the docstring."""
    noises = [*found.noise, found.other_noise]

    def shared(a: tuple[float, ...], b: tuple[float, ...]) -> float:
        fading = np.exp(-abs(a[2] - b[2]) / found.length_days)
        same_group, same_kind = a[0] == b[0], a[1] == b[1]
        return (
            found.student
            + found.kind * same_kind
            + found.recent * fading
            + (found.subject + found.recent_subject * fading) * same_group
        )

    means, variances = [], []
    for row in range(len(asked.student)):
        target = (asked.group[row], asked.kind[row], asked.day[row])
        own = [n for n in range(len(history.student)) if history.student[n] == asked.student[row]][-longest:]
        seen = [(history.group[n], history.kind[n], history.day[n]) for n in own]
        covariance = np.array([[shared(a, b) for b in seen] for a in seen]).reshape(len(seen), len(seen))
        noise = [noises[t] if 0 <= t < len(found.noise) else found.other_noise for t in history.type[own]]
        weights = np.array([shared(target, a) for a in seen]) @ np.linalg.inv(
            covariance + np.diag(np.array(noise) + history.rounding[own])
        )
        means.append(float(weights @ history.place[own]))
        variances.append(found.total - float(weights @ np.array([shared(target, a) for a in seen])))
    return np.array(means), np.array(variances)


def mixed_data(seed: int, students: int = 60, groups: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    student, subject = rng.normal(0, 7, students), rng.normal(0, 4, (students, groups))
    rows = [
        (s, g, 60 + student[s] + subject[s, g] + rng.normal(0, 5))
        for s in range(students)
        for g in range(groups)
        for _ in range(rng.integers(1, 5))
    ]
    return pd.DataFrame(rows, columns=["student", "group", "value"])


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_intercept_is_that_of_mixedlm(seed: int) -> None:
    data = mixed_data(seed)
    fitted = MixedLM(data["value"], np.ones(len(data)), groups=data["student"]).fit(reml=True)
    found = Components(float(fitted.cov_re.iloc[0, 0]), 0.0, 0.0, 0.0, 0.0, 90.0, np.array([fitted.scale]), 1.0)
    history = scores(data["student"], data["value"] - fitted.fe_params.iloc[0], data["group"])
    everyone = np.arange(data["student"].nunique())
    expected = [fitted.random_effects[s].iloc[0] for s in everyone]
    assert np.std(expected) > 1
    np.testing.assert_allclose(predict(history, targets(everyone), found).mean, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", [3, 4])
def test_a_student_and_their_subjects_are_those_of_mixedlm(seed: int) -> None:
    data = mixed_data(seed)
    fitted = MixedLM.from_formula(
        "value ~ 1", data, groups="student", re_formula="1", vc_formula={"subject": "0 + C(group)"}
    ).fit(reml=True)
    student, subject = float(fitted.cov_re.iloc[0, 0]), float(fitted.vcomp[0])
    assert min(student, subject) > 1
    found = Components(student, subject, 0.0, 0.0, 0.0, 90.0, np.array([fitted.scale]), 1.0)
    history = scores(data["student"], data["value"] - fitted.fe_params.iloc[0], data["group"])
    asked = data[["student", "group"]].drop_duplicates()
    effects = fitted.random_effects
    expected = [
        effects[s].iloc[0] + effects[s][f"subject[C(group)[{g}]]"] for s, g in asked.itertuples(index=False, name=None)
    ]
    answered = predict(history, targets(asked["student"], asked["group"]), found)
    np.testing.assert_allclose(answered.mean, expected, rtol=0, atol=1e-6)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(components, st.integers(0, 10_000), st.integers(1, 12))
def test_the_prediction_is_the_formula_written_out(found: Components, seed: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    history = random_history(rng, students=5, most=9)
    asked = targets(rng.integers(-1, 6, 12), rng.integers(-1, 3, 12), rng.integers(0, 2, 12))
    asked = replace(asked, day=rng.uniform(1000, 2500, 12))
    answered = predict(history, asked, found, longest)
    mean, variance = written_out(history, asked, found, longest)
    np.testing.assert_allclose(answered.mean, mean, atol=1e-9)
    np.testing.assert_allclose(answered.variance, variance, atol=1e-9)
    np.testing.assert_allclose(answered.past + answered.form + answered.other_kind, answered.mean, atol=1e-9)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(components, st.floats(-3, 3), st.floats(0, 900))
def test_one_score_is_drawn_towards_the_cohort(found: Components, place: float, days: float) -> None:
    history = scores([0], [place], day=[0.0])
    answered = predict(history, targets([0], day=days), found)
    low, high = sorted((0.0, place))
    assert low - 1e-12 <= answered.mean[0] <= high + 1e-12
    assert -1e-12 <= answered.variance[0] <= found.total + 1e-12


def test_one_score_known_answer() -> None:
    found = Components(0.5, 0.25, 0.0, 0.0, 0.0, 90.0, np.array([0.25]), 0.25)
    history = scores([0], [1.0])
    same, other = predict(history, targets([0, 0], group=[0, 1]), found).mean
    assert (same, other) == pytest.approx((0.75, 0.5))
    rounded = predict(scores([0], [1.0], rounding=0.5), targets([0]), found)
    assert rounded.mean[0] == pytest.approx(0.75 / 1.5)


def test_more_scores_say_more() -> None:
    history = scores(np.repeat([0, 1, 2], [1, 3, 10]), np.ones(14))
    answered = predict(history, targets([0, 1, 2, 3, -1], day=450.0), ALL)
    assert (np.diff(answered.mean[:3]) > 0).all()
    assert (np.diff(answered.variance[:3]) < 0).all()
    assert answered.mean[3:].tolist() == [0.0, 0.0]
    assert answered.variance[3:] == pytest.approx([ALL.total] * 2)


def test_what_is_not_known_says_nothing() -> None:
    """A score that is the student's alone changes nobody else's prediction."""
    rng = np.random.default_rng(5)
    history = random_history(rng, students=8, most=40)
    alone = history.take(history.student == 3)
    together = predict(history, targets(np.arange(8)), ALL)
    np.testing.assert_allclose(
        predict(alone, targets([3]), ALL).mean[0], together.mean[3], atol=1e-12, err_msg="padded otherwise"
    )


def test_only_the_latest_scores_count() -> None:
    rng = np.random.default_rng(6)
    place = rng.normal(size=40)
    cut = predict(scores([0] * 40, place), targets([0]), ALL, longest=30).mean
    kept = predict(scores([0] * 30, place[10:], day=np.arange(10, 40) * 30.0), targets([0]), ALL, longest=30).mean
    np.testing.assert_allclose(cut, kept, atol=1e-12)


def test_what_was_recent_is_forgotten() -> None:
    history = scores([0, 0], [0.0, 2.0], day=[0.0, 700.0])
    forms = predict(history, replace(targets([0, 0, 0]), day=np.array([710.0, 900.0, 5000.0])), ALL)
    assert forms.mean[0] > forms.mean[1] > forms.mean[2]
    assert forms.variance[0] < forms.variance[1] < forms.variance[2]
    assert forms.form[0] > 0


def test_the_baseline_has_the_same_variance_and_one_series_alone() -> None:
    own = ALL.own_group_only()
    assert own.total == pytest.approx(ALL.total)
    history = scores([0, 0], [1.0, 2.0], group=[0, 1])
    noise = own.noise[0]
    mean = predict(history, targets([0, 0, 0], group=[0, 1, 2]), own).mean
    assert mean == pytest.approx(np.array([1.0, 2.0, 0.0]) * own.total / (own.total + noise))


def simulated(
    rng: np.random.Generator,
    true: Components,
    students: int = 3000,
    by_type: tuple[float, ...] = (0.3, 0.3),
    spread: Callable[[np.ndarray], np.ndarray] = np.ones_like,
) -> Scores:
    """16 scores of each student: on four days, near and far, one of each of two groups and two kinds of one type."""
    each = 16
    day = np.tile(np.repeat([0.0, 20.0, 120.0, 500.0], 4) + np.tile([0.0, 1.0, 2.0, 3.0], 4), (students, 1))
    group, kind = np.tile(np.arange(each) % 2, (students, 1)), np.tile(np.arange(each) // 2 % 2, (students, 1))
    fading = np.linalg.cholesky(np.exp(-np.abs(day[0][:, None] - day[0][None]) / true.length_days))

    def normal(variance: float, *shape: int) -> np.ndarray:
        return rng.normal(0, np.sqrt(variance), (students, *shape))

    rows = np.arange(students)[:, None]
    size = spread(np.arange(students) / students)[:, None]
    place = normal(true.student, 1) + normal(true.subject, 2)[rows, group] + normal(true.kind, 2)[rows, kind]
    place = place + normal(true.recent, each) @ fading.T
    for number in (0, 1):
        place = place + (normal(true.recent_subject, each) @ fading.T) * (group == number)
    place = size * place + normal(1.0, each) * np.sqrt(np.array(by_type))[kind]
    return scores(
        np.repeat(np.arange(students), each), place.ravel(), group.ravel(), kind.ravel(), kind.ravel(), day.ravel()
    )


def test_known_variances_are_found_again() -> None:
    true = Components(0.4, 0.15, 0.15, 0.05, 0.1, 180.0, np.array([0.3, 0.3]), 0.3)
    found = fit_components(simulated(np.random.default_rng(11), true), 2, CONFIG)
    assert found.student + found.recent == pytest.approx(0.55, abs=0.05)
    assert found.subject + found.recent_subject == pytest.approx(0.2, abs=0.04)
    assert found.student == pytest.approx(0.4, abs=0.09)
    assert found.recent == pytest.approx(0.15, abs=0.07)
    assert found.kind == pytest.approx(0.1, abs=0.03)
    assert found.total == pytest.approx(true.total, abs=0.06)
    assert 90 <= found.length_days <= 360
    assert found.noise == pytest.approx([0.3, 0.3], abs=0.04)


@pytest.mark.parametrize("length", [30.0, 720.0])
def test_how_fast_form_is_forgotten_is_found(length: float) -> None:
    true = Components(0.3, 0.0, 0.5, 0.0, 0.0, length, np.array([0.1, 0.1]), 0.1)
    found = fit_components(simulated(np.random.default_rng(12), true, by_type=(0.1, 0.1)), 2, CONFIG)
    assert found.length_days == length


def test_a_noisier_type_is_found() -> None:
    true = Components(0.4, 0.15, 0.0, 0.0, 0.0, 180.0, np.array([0.1, 0.6]), 0.3)
    found = fit_components(simulated(np.random.default_rng(13), true, by_type=(0.1, 0.6)), 3, CONFIG)
    assert found.noise[:2] == pytest.approx([0.1, 0.6], abs=0.05)
    assert found.noise[2] == pytest.approx(found.other_noise), "a type that nobody has sat is like all"
    assert found.noise_of(np.array([-1, 3])).tolist() == [found.other_noise] * 2


def test_students_who_vary_unlike_each_other_do_not_bias_the_noise() -> None:
    """One half lies within a tenth of the mean, the other twice as far out as usual: noise is the same for all."""
    true = Components(0.5, 0.2, 0.0, 0.0, 0.0, 180.0, np.array([0.3, 0.3]), 0.3)
    mixed = simulated(np.random.default_rng(14), true, spread=lambda share: np.where(share < 0.5, 0.1, 2.0))
    assert fit_components(mixed, 2, CONFIG).noise == pytest.approx([0.3, 0.3], abs=0.04)


def test_one_variable_part_alone_is_not_seen_as_another() -> None:
    """Where nothing but the subject varies, students are alike, and the form has nothing to forget."""
    true = Components(0.0, 0.6, 0.0, 0.0, 0.0, 180.0, np.array([0.3, 0.3]), 0.3)
    found = fit_components(simulated(np.random.default_rng(15), true), 2, CONFIG)
    assert found.subject == pytest.approx(0.6, abs=0.06)
    assert found.student + found.recent + found.recent_subject + found.kind < 0.06


def test_a_handful_of_scores_leaves_what_was_assumed() -> None:
    found = fit_components(scores([0, 0, 1], [2.0, 2.5, -1.0]), 1, CONFIG, length=90.0)
    assert found.variances == pytest.approx([0.25, 0.1, 0.1, 0.1, 0.05], abs=0.03)
    assert found.noise == pytest.approx([0.4], abs=0.03)
    assert found.length_days == 90.0


def test_components_are_the_same_after_json() -> None:
    again = Components.from_dict(ALL.to_dict())
    assert again.to_dict() == ALL.to_dict()
    assert again.noise.dtype == np.float64
