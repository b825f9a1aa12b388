"""Places: what has one, and that an exam without ranks gets that of its takers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.places import exams, fit_places
from ml_assets.subject_risk.scale import z_of_percentile
from tests.ml_assets.subject_risk.worlds import frames, made, placed, score

CONFIG = SubjectRiskConfig()


def test_an_easy_absolute_exam_does_not_make_its_takers_better() -> None:
    inputs, hidden, _ = made(students=200, noise=0.1)
    scores = inputs.scores
    z = pd.Series(fit_places(scores, CONFIG).of(scores))
    is_absolute = scores["percentile_basis"].eq("absolute_grade")
    as_entered = z_of_percentile(scores.loc[is_absolute, "percentile"].to_numpy())
    truth = scores[is_absolute]["student_id"].map(hidden.set_index("student_id")["ability_영어"])
    assert np.mean(as_entered - truth) > 0.5, "the exam is meant to be easy"
    assert np.mean(z[is_absolute] - truth) == pytest.approx(0.0, abs=0.1)
    assert np.corrcoef(z[is_absolute], truth)[0, 1] > 0.9


def test_a_hard_exam_is_told_from_weak_takers() -> None:
    """Ten points fewer for everybody at one sitting of an exam without ranks are the exam's."""
    inputs, _, _ = made(students=300, noise=0.1)
    scores = inputs.scores
    is_hard = scores["percentile_basis"].eq("absolute_grade") & scores["exam_date"].eq("2026-03-01")
    hard = scores.assign(raw_score=scores["raw_score"].where(~is_hard, scores["raw_score"] - 10))
    moved = fit_places(hard, CONFIG).of(hard)[is_hard] - fit_places(scores, CONFIG).of(scores)[is_hard]
    assert abs(np.mean(moved)) < 0.15, "ten points are 0.6 deviations"


def test_what_has_no_place() -> None:
    rows = [
        score("a", "국어", "2026-03-01", raw_score=80.0),
        score("a", "국어", "2025-12-15", "internal", raw_score=80.0),
        score("a", "국어", "2025-06-01", "internal", rank_grade=2.0, rank_grade_levels=9.0),
    ]
    scores = frames(rows).scores
    assert np.isnan(fit_places(scores, CONFIG).of(scores)).all()


def test_a_lone_absolute_grade_stands_for_its_band() -> None:
    scores = frames([score("a", "영어", "2026-03-01", rank_grade=3.0, rank_grade_levels=9.0)]).scores
    assert fit_places(scores, CONFIG).of(scores)[0] == pytest.approx(1.0, abs=0.15)


def test_two_subjects_of_a_day_are_one_exam_and_old_ones_are_left_out() -> None:
    rows = [
        placed("a", "과학", "2026-03-01", 50.0, score_id="1"),
        placed("a", "과학", "2026-03-01", 84.13, score_id="2"),
        placed("a", "과학", "2020-03-01", 1.0),
    ]
    scores = frames(rows).scores
    found = exams(scores, fit_places(scores, CONFIG), CONFIG)
    assert found["z"].tolist() == pytest.approx([0.5], abs=1e-3)


def test_a_shift_between_the_kinds_is_taken_out() -> None:
    rows = [
        placed(f"s{number}", "국어", date, percentile, kind)
        for number in range(400)
        for date, percentile, kind in (("2026-03-01", 50.0, "mock"), ("2025-12-15", 84.13, "internal"))
    ]
    scores = frames(rows).scores
    places = fit_places(scores, CONFIG)
    assert places.kind_shift == pytest.approx(-1.0 * 400 / 420, abs=0.01)
    z = pd.Series(places.of(scores)).groupby(scores["exam_kind"]).mean()
    assert z["internal"] == pytest.approx(z["mock"], abs=0.06)


def test_nobody_has_no_place() -> None:
    scores = frames([]).scores
    assert len(fit_places(scores, CONFIG).of(scores)) == 0
