"""Levels: that they find what was made, know how much was seen, and are the same alone and in a batch."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.levels import LevelModel, fit, levels
from tests.ml_assets.subject_risk.worlds import GROUPS, frames, made, placed

CONFIG = SubjectRiskConfig()


@pytest.fixture(scope="module")
def world() -> tuple[object, pd.DataFrame, LevelModel]:
    inputs, hidden, _ = made(students=300)
    return inputs, hidden, fit(inputs, CONFIG)


def test_variances_are_those_the_class_was_made_with(world) -> None:
    _, _, model = world
    assert model.noise["internal"] == pytest.approx(0.09, abs=0.02)
    assert model.slope_variance == pytest.approx(0.04, abs=0.02)
    # Two of four groups are 0.8 off, the others by chance.
    assert model.group_variance == pytest.approx(2 * 0.64 / 3 + 0.04, abs=0.08)


def test_levels_are_near_the_truth_and_say_how_near(world) -> None:
    inputs, hidden, model = world
    rows = levels(inputs, model, CONFIG)
    long = hidden.melt("student_id", [f"ability_{group}" for group in GROUPS])
    long["subject_group"] = long["variable"].str.removeprefix("ability_")
    both = rows.merge(long, on=["student_id", "subject_group"])
    error = both["level"] - both["value"].astype(float)
    assert np.sqrt((error**2).mean()) < 0.2
    assert np.sqrt((error**2 / both["level_variance"]).mean()) == pytest.approx(1.0, abs=0.35)


def test_a_student_alone_gets_the_same(world) -> None:
    inputs, _, model = world
    batch = levels(inputs, model, CONFIG)
    alone = levels(inputs.of_students(["s0007"]), model, CONFIG)
    expected = batch[batch["student_id"] == "s0007"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, rtol=1e-12)


def test_a_model_comes_back_from_json(world) -> None:
    inputs, _, model = world
    again = LevelModel.from_dict(json.loads(json.dumps(model.to_dict())))
    pd.testing.assert_frame_equal(levels(inputs, again, CONFIG), levels(inputs, model, CONFIG))


def test_an_empty_model_comes_back_from_json() -> None:
    model = fit(frames([]), CONFIG)
    again = LevelModel.from_dict(json.loads(json.dumps(model.to_dict())))
    inputs = frames([placed("a", "국어", "2026-03-01", 84.13)])
    pd.testing.assert_frame_equal(levels(inputs, again, CONFIG), levels(inputs, model, CONFIG))


def test_few_exams_are_drawn_to_the_middle_and_many_are_believed() -> None:
    dates = pd.date_range("2025-01-01", periods=20, freq="MS").strftime("%Y-%m-%d")
    rows = [placed("few", "국어", "2026-08-01", 97.72)] + [placed("many", "국어", date, 97.72) for date in dates]
    found = levels(frames(rows), fit(frames([]), CONFIG), CONFIG).set_index("student_id")["level"]
    # One exam: student and group vary by 0.5 + 0.4, the exam's noise and its kind by 0.1 + 0.03.
    assert found["few"] == pytest.approx(2.0 * 0.9 / 1.03, abs=0.01)
    assert 1.9 < found["many"] < 2.0


def test_the_rest_of_a_student_helps_a_group_with_one_exam() -> None:
    dates = pd.date_range("2025-01-01", periods=12, freq="MS").strftime("%Y-%m-%d")
    strong = [placed("strong", group, date, 95.0) for group in GROUPS[1:] for date in dates]
    rows = [placed(name, "국어", "2025-12-01", 50.0) for name in ("strong", "new")] + strong
    found = levels(frames(rows), fit(frames([]), CONFIG), CONFIG).set_index(["student_id", "subject_group"])["level"]
    assert found["strong", "국어"] > found["new", "국어"] + 0.2


def test_two_academies_do_not_mix() -> None:
    """An academy's students are drawn to its own mean."""
    good = [placed(f"g{number}", "국어", "2026-03-01", 90.0) for number in range(60)]
    bad = [placed(f"b{number}", "국어", "2026-03-01", 10.0) for number in range(60)]
    tenants = {f"{side}{number}": side for side in "gb" for number in range(60)}
    model = fit(frames(good + bad, tenants=tenants), CONFIG)
    assert model.academies["g"] > 0.8
    assert model.academies["b"] < -0.8
    assert fit(frames(good, tenants=tenants), CONFIG).academies.keys() == {"g"}


def test_nobody_has_no_level() -> None:
    assert levels(frames([]), fit(frames([]), CONFIG), CONFIG).empty
