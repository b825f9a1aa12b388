"""Logistic regression of bending effects: it finds what a world was made of, and its parts add up."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from ml_assets.outlook.additive import AdditiveModel, Effect, fit_additive, isotonic

GROUPS = {"both": ("bent", "straight"), "else": ("noise",), "unknown": ("not there",)}


def world(rows: int = 20_000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Features, log odds and events of an additive world: one effect is straight, one bends, one is none."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(
        {"straight": rng.uniform(-1, 1, rows), "bent": rng.uniform(-1, 1, rows), "noise": rng.normal(size=rows)}
    )
    log_odds = (1.5 * features["straight"] + 3 * np.maximum(features["bent"], 0) - 1).to_numpy()
    return features, log_odds, (rng.random(rows) < expit(log_odds)).astype(float)


@pytest.fixture(scope="module")
def fitted() -> AdditiveModel:
    features, _, events = world()
    return fit_additive(features, events, list(features), knots=9, regularisation=10.0)


def test_a_known_world_is_found(fitted: AdditiveModel) -> None:
    features, log_odds, _ = world(seed=1)
    assert np.abs(fitted.probability(features) - expit(log_odds)).mean() < 0.02
    straight, bent, noise = (fitted.effects[name] for name in ("straight", "bent", "noise"))
    places = np.array([-0.75, 0.75])
    assert np.diff(straight.of(places))[0] == pytest.approx(1.5 * 1.5, abs=0.25)
    assert np.diff(bent.of(np.array([-0.75, -0.1])))[0] == pytest.approx(0, abs=0.25)
    assert np.diff(bent.of(np.array([0.1, 0.75])))[0] == pytest.approx(3 * 0.65, abs=0.3)
    assert np.ptp(noise.of(np.array([-1.0, 0.0, 1.0]))) < 0.2


def test_effects_are_level_outside_what_was_seen(fitted: AdditiveModel) -> None:
    effect = fitted.effects["straight"]
    assert effect.of(np.array([-50.0, 50.0])).tolist() == [effect.points[0], effect.points[-1]]


def test_effects_are_none_on_the_average(fitted: AdditiveModel) -> None:
    features, _, events = world()
    np.testing.assert_allclose(fitted.parts(features).mean(), 0, atol=1e-9)
    assert fitted.base() == pytest.approx(expit(fitted.intercept))
    assert fitted.probability(features).mean() == pytest.approx(events.mean(), abs=1e-3)


def test_parts_add_up(fitted: AdditiveModel) -> None:
    features = world(rows=200, seed=2)[0]
    parts = fitted.parts(features)
    assert list(parts.columns) == ["straight", "bent", "noise"]
    np.testing.assert_allclose(logit(fitted.probability(features)), fitted.intercept + parts.sum(axis=1))


def test_impacts_are_in_proportion_of_the_parts(fitted: AdditiveModel) -> None:
    features = world(rows=200, seed=2)[0]
    parts, impacts = fitted.parts(features), fitted.impacts(features, GROUPS)
    assert list(impacts.columns) == list(GROUPS)
    np.testing.assert_allclose(impacts.sum(axis=1), fitted.probability(features) - fitted.base(), atol=1e-12)
    np.testing.assert_allclose(impacts["both"] * parts["noise"], impacts["else"] * (parts["bent"] + parts["straight"]))
    assert (impacts["unknown"] == 0).all()
    # Along the straight line from an average row: the sum of the slopes on the way.
    way = np.linspace(0, 1, 2001)[:, None]
    whole = parts.sum(axis=1).to_numpy()
    slopes = expit(fitted.intercept + way * whole) * expit(-fitted.intercept - way * whole)
    np.testing.assert_allclose(impacts["else"], parts["noise"] * slopes.mean(axis=0), atol=1e-4)


_numbers = st.floats(-5, 5)


@st.composite
def models(draw: st.DrawFn) -> AdditiveModel:
    """Any effects, with any calibration."""

    def effect() -> Effect:
        count = draw(st.integers(1, 4))
        knots = np.array(sorted(draw(st.sets(st.integers(-4, 4), min_size=count, max_size=count))), float)
        return Effect(knots, np.array(draw(st.lists(_numbers, min_size=count, max_size=count))), draw(_numbers))

    steps = draw(st.integers(0, 4))
    before = np.array(sorted(draw(st.sets(st.integers(0, 20), min_size=steps, max_size=steps))), float) / 20
    after = np.array(sorted(draw(st.lists(st.floats(0, 1), min_size=steps, max_size=steps))))
    calibration = (before, after) if steps else None
    return AdditiveModel(draw(_numbers), {name: effect() for name in ("straight", "bent", "noise")}, calibration)


_values = st.one_of(_numbers, st.just(np.nan))
_tables = st.lists(st.tuples(_values, _values, _values), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(models(), _tables)
def test_impacts_add_up_to_probability_minus_base(model: AdditiveModel, rows: list[tuple[float, float, float]]) -> None:
    features = pd.DataFrame(rows, columns=["straight", "bent", "noise"], index=range(3, 3 + len(rows)))
    probability, impacts = model.probability(features), model.impacts(features, GROUPS)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert impacts.index.equals(features.index)
    np.testing.assert_allclose(impacts.sum(axis=1), probability - model.base(), atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(models(), _tables)
def test_a_model_is_what_its_json_says(model: AdditiveModel, rows: list[tuple[float, float, float]]) -> None:
    features = pd.DataFrame(rows, columns=["straight", "bent", "noise"])
    told = json.dumps(model.to_dict(), allow_nan=False)
    again = AdditiveModel.from_dict(json.loads(told))
    np.testing.assert_array_equal(again.probability(features), model.probability(features))
    assert json.dumps(again.to_dict()) == told


def test_what_is_unknown_has_an_effect_of_its_own() -> None:
    features, _, _ = world(rows=10_000)
    rng = np.random.default_rng(3)
    is_unknown = rng.random(len(features)) < 0.3
    events = (rng.random(len(features)) < np.where(is_unknown, 0.8, 0.3)).astype(float)
    features = pd.DataFrame({"some": features["noise"].where(~is_unknown), "all": features["noise"]})
    model = fit_additive(features, events, ["some", "all"], knots=5, regularisation=10.0)
    asked = pd.DataFrame({"some": [np.nan, 0.0], "all": [0.0, 0.0]})
    assert model.probability(asked) == pytest.approx([0.8, 0.3], abs=0.03)
    np.testing.assert_allclose(model.parts(features).mean(), 0, atol=1e-9)
    # What was never unknown says nothing where it is.
    never = asked.assign(all=np.nan)
    np.testing.assert_array_equal(model.parts(never)["all"], 0)


def test_a_feature_of_one_value_has_no_effect_but_its_absence_may_have() -> None:
    rng = np.random.default_rng(4)
    is_unknown = rng.random(5_000) < 0.5
    events = (rng.random(5_000) < np.where(is_unknown, 0.2, 0.6)).astype(float)
    features = pd.DataFrame(
        {"one": 7.0, "one or none": np.where(is_unknown, np.nan, 7.0), "never": np.nan}, range(5_000)
    )
    model = fit_additive(features, events, list(features), knots=5, regularisation=10.0)
    assert list(model.effects) == ["one or none"]
    assert model.probability(features.head(200))[is_unknown[:200]] == pytest.approx(0.2, abs=0.03)
    assert model.probability(features.head(200))[~is_unknown[:200]] == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(("outcome", "expected"), [([0.0] * 4, 1e-4), ([1.0] * 4, 1 - 1e-4), ([0.25] * 4, 0.25)])
def test_what_never_differs_is_its_mean(outcome: list[float], expected: float) -> None:
    features = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]})
    model = fit_additive(features, np.array(outcome), ["a"], knots=3, regularisation=1.0)
    assert not model.effects
    assert model.probability(features) == pytest.approx([expected] * 4)
    assert (model.impacts(features, {"all": ("a",)}) == 0).all(axis=None)


def test_without_features_it_is_the_mean() -> None:
    features, _, events = world(rows=500)
    model = fit_additive(features, events, (), knots=3, regularisation=1.0)
    assert model.probability(features) == pytest.approx(events.mean())


def test_a_rate_is_so_many_events_of_as_many() -> None:
    """Rates in quarters: each row as four rows of events, with a quarter of the penalty."""
    features, log_odds, _ = world(rows=800)
    rng = np.random.default_rng(5)
    events = (rng.random((len(features), 4)) < expit(log_odds)[:, None]).astype(float)
    ours = fit_additive(features, events.mean(axis=1), list(features), knots=4, regularisation=0.4)
    each = fit_additive(
        features.loc[features.index.repeat(4)].reset_index(drop=True), events.ravel(), list(features),
        knots=4, regularisation=0.1,
    )  # fmt: skip
    np.testing.assert_allclose(ours.probability(features), each.probability(features), atol=2e-3)
    assert ours.probability(features).mean() == pytest.approx(events.mean(), abs=1e-3)


def test_two_knots_are_the_plain_regression() -> None:
    """Between its least and greatest value one effect is straight: the library on the two hats says the same."""
    features, _, events = world(rows=2_000)
    ours = fit_additive(features, events, ["straight"], knots=2, regularisation=0.5)
    values = features["straight"].to_numpy()
    share = (values - values.min()) / np.ptp(values)
    theirs = LogisticRegression(C=0.5).fit(np.column_stack([1 - share, share]), events)
    expected = theirs.predict_proba(np.column_stack([1 - share, share]))[:, 1]
    np.testing.assert_allclose(ours.probability(features), expected, atol=1e-6)


_pairs = st.lists(st.tuples(st.integers(0, 100), st.sampled_from([0.0, 0.3, 1.0])), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(_pairs)
def test_isotonic_never_falls_and_keeps_the_mean(told: list[tuple[int, float]]) -> None:
    probability, outcome = np.array(told).T
    before, after = isotonic(probability / 100, outcome)
    assert (np.diff(before) > 0).all()
    assert (np.diff(after) > 0).all()
    assert ((after >= 0) & (after <= 1)).all()
    assert np.interp(probability / 100, before, after).min() >= outcome.min() - 1e-12
    assert (np.diff(np.interp(np.linspace(0, 1, 50), before, after)) >= -1e-12).all()


def test_isotonic_known_answer() -> None:
    """Two levels, .25 and .75, whose centres are .15 and .75."""
    probability = np.array([0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.9])
    before, after = isotonic(probability, np.array([0, 1, 0, 0, 1, 1, 1, 0.0]))
    np.testing.assert_allclose(before, [0.0, 0.2, 0.75])
    np.testing.assert_allclose(after, [0.0, 1 / 3, 0.75])


def test_isotonic_mends_the_shape_of_a_world() -> None:
    rng = np.random.default_rng(6)
    probability = rng.random(20_000)
    outcome = (rng.random(20_000) < probability**2).astype(float)
    before, after = isotonic(probability, outcome)
    places = np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(np.interp(places, before, after), places**2, atol=0.05)
    assert np.diff(after).max() < 0.1
