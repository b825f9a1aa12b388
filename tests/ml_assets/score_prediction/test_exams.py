"""Exams: the expectation is that of a Gaussian process, wide where nothing like it was sat, and blind to the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel

from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.exams import EXAM, Expectation, expectation, fit_exams, summary

CONFIG = ScorePredictionConfig()
AS_OF = pd.Timestamp("2026-03-01")


def sat(rng: np.random.Generator, exams: pd.DataFrame, mean: np.ndarray, students: int = 20, sd: float = 1.0):
    """Scores of `students` in each of `exams`, around its `mean`."""
    rows = exams.loc[exams.index.repeat(students)].reset_index(drop=True)
    return rows.assign(value=np.repeat(mean, students) + rng.normal(0, sd, len(rows)))


def exam_table(types: int = 4, groups: int = 4, terms: int = 4, scale: str = "percentile") -> pd.DataFrame:
    index = pd.MultiIndex.from_product([range(groups), range(types), range(terms)], names=["group", "type", "term"])
    table = index.to_frame(index=False)
    return pd.DataFrame(
        {
            "scale": scale,
            "exam_kind": "mock",
            "exam_type": "type " + table["type"].astype(str),
            "subject_group": "group " + table["group"].astype(str),
            "subject_id": "course " + table["group"].astype(str),
            "school_year_level": (1 + table["term"] % 3).astype(float),
            "exam_date": pd.Timestamp("2023-04-01") + pd.to_timedelta(table["term"] * 200 + table["type"] * 30, "D"),
            "course_day": (table["type"] * 30 + table["term"] * 7).astype(float),
        }
    )


def effects_of(rng: np.random.Generator, table: pd.DataFrame, own: float = 0.05, **variances: float) -> np.ndarray:
    """Means of exams drawn from parts of the given variances."""
    mean = rng.normal(0, np.sqrt(own), len(table))
    for columns, variance in variances.items():
        code = table.groupby(columns.split("__")).ngroup().to_numpy()
        mean = mean + rng.normal(0, np.sqrt(variance), code.max() + 1)[code]
    return mean


PARTS = [
    ["exam_kind", "exam_type"],
    ["subject_group"],
    ["subject_group", "school_year_level"],
    ["subject_group", "exam_kind", "exam_type"],
]
COLUMNS = [[0], [1], [2], [3], [3, 4]]
"""Columns of the features that each part depends on; the fifth is the place in the course."""


def kernel_of(seen: Expectation, variances: np.ndarray, features: int, columns: list[list[int]]) -> Kernel:
    """The sum of the parts: each is 1 between exams that share all of its columns, else 0, or falls off with days."""
    kernel = None
    for variance, own in zip(variances, columns, strict=False):
        scales = np.full(features, 1e9)
        scales[own] = 1e-2
        if 4 in own:
            scales[4] = seen.days
        part = ConstantKernel(max(variance, 1e-12)) * RBF(scales)
        kernel = part if kernel is None else kernel + part
    return kernel


def features_of(exams: pd.DataFrame) -> list[pd.Series]:
    return [*(exams.groupby(own).ngroup() for own in PARTS), exams["course_day"]]


def by_library(seen: Expectation, asked: pd.DataFrame, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of exams that nobody has sat, by scikit-learn."""
    features = np.column_stack(features_of(pd.concat([seen.exams, asked]))).astype(float)
    process = GaussianProcessRegressor(
        kernel_of(seen, variances, 5, COLUMNS), alpha=seen.error + variances[-1], optimizer=None
    )
    process.fit(features[: len(seen.exams)], seen.value - seen.center)
    mean, sd = process.predict(features[len(seen.exams) :], return_std=True)
    return mean + seen.center, sd**2 + variances[-1]


def drawn_by_library(seen: Expectation) -> np.ndarray:
    """What the exams themselves were, by scikit-learn: the part that is each exam's own is a kernel too."""
    features = np.column_stack([*features_of(seen.exams), np.arange(len(seen.exams))]).astype(float)
    kernel = kernel_of(seen, seen.variances, 6, [*COLUMNS, [5]])
    process = GaussianProcessRegressor(kernel, alpha=seen.error, optimizer=None)
    return seen.center + process.fit(features, seen.value - seen.center).predict(features)


def test_the_expectation_is_a_gaussian_process() -> None:
    rng = np.random.default_rng(1)
    table = exam_table()
    scores = sat(rng, table, effects_of(rng, table, subject_group=0.1, subject_group__exam_type=0.1))
    seen = fit_exams(scores, AS_OF, CONFIG).means["percentile"]
    asked = table.sample(12, random_state=1).assign(
        exam_date=AS_OF + pd.Timedelta(days=50), course_day=np.arange(12) * 9.0
    )
    asked.iloc[:3, asked.columns.get_loc("exam_type")] = "never seen"
    asked.iloc[3:6, asked.columns.get_loc("subject_group")] = "never seen"
    mean, variance = seen.at(asked)
    np.testing.assert_allclose(mean, by_library(seen, asked, seen.variances)[0], atol=1e-6)
    # Four parts are as wide as those of five groups: (1 + 1/5) · 4 / 2.
    wide = seen.variances * np.array([2.4, 2.4, 2.4, 2.4, 1, 1])
    np.testing.assert_allclose(variance, by_library(seen, asked, wide)[1], atol=1e-6)


def test_variances_between_exams_are_found_again() -> None:
    rng = np.random.default_rng(2)
    table = exam_table(types=8, groups=12, terms=5)
    mean = effects_of(rng, table, own=0.04, exam_type=0.2, subject_group=0.3)
    found = fit_exams(sat(rng, table, mean, students=30), AS_OF, CONFIG)
    of_type, group, level, group_type, place, own = found.means["percentile"].variances
    assert group + level == pytest.approx(0.3, abs=0.15)
    assert of_type == pytest.approx(0.2, abs=0.15)
    assert level + group_type + place + own == pytest.approx(0.04, abs=0.06)
    assert summary(found)["percentile"]["type"] == pytest.approx(np.sqrt(of_type), abs=1e-3)


def test_a_known_exam_is_what_was_seen_drawn_to_what_was_expected() -> None:
    rng = np.random.default_rng(3)
    table = exam_table()
    scores = sat(rng, table, effects_of(rng, table, subject_group=0.1, subject_group__exam_type=0.1), students=6)
    found = fit_exams(scores, AS_OF, CONFIG)
    answers = table[EXAM].assign(**found.of(table)).merge(found.known[[*EXAM, "seen_mean"]], on=EXAM)
    seen = scores.groupby(EXAM)["value"].mean().rename("own").reset_index()
    np.testing.assert_allclose(answers["seen_mean"], answers.merge(seen, on=EXAM)["own"])
    expected = found.means["percentile"]
    drawn = expected.exams.assign(drawn=drawn_by_library(expected))
    np.testing.assert_allclose(answers["mean"], answers.merge(drawn, on=EXAM)["drawn"], atol=1e-6)
    assert np.abs(answers["mean"] - answers["seen_mean"]).max() > 0.05
    assert (answers["variance"] == 0).all()
    assert not answers["is_new"].any()


def test_a_large_exam_is_its_own_mean_and_spread() -> None:
    rng = np.random.default_rng(3)
    table = exam_table(types=2, groups=2, terms=2, scale="raw_score")
    scores = sat(rng, table, np.linspace(40, 80, len(table)), students=3000, sd=10)
    answers = fit_exams(scores, AS_OF, CONFIG).of(table)
    own = table.merge(scores.groupby(EXAM)["value"].agg(["mean", "std"]).reset_index(), on=EXAM)
    np.testing.assert_allclose(answers["mean"], own["mean"], atol=0.05)
    np.testing.assert_allclose(answers["sd"], own["std"], atol=0.3)


def test_four_scores_do_not_make_an_exam_and_five_do() -> None:
    rng = np.random.default_rng(3)
    table = exam_table(types=2, groups=2, terms=2)
    small = table.iloc[[0]]
    others = sat(rng, table.iloc[1:], np.zeros(len(table) - 1), students=10)
    few = pd.concat([others, sat(rng, small, np.array([3.0]), 4)])
    answers = [fit_exams(rows, AS_OF, CONFIG).of(small).iloc[0] for rows in (few, pd.concat([few, few.tail(1)]))]
    assert answers[0]["variance"] > 0
    assert answers[1]["variance"] == 0
    assert answers[0]["mean"] < answers[1]["mean"]


def test_an_exam_that_is_still_to_come_is_not_known() -> None:
    rng = np.random.default_rng(4)
    table = exam_table()
    scores = sat(rng, table, np.zeros(len(table)))
    ahead = table.iloc[[5]].assign(exam_date=AS_OF)
    early = sat(rng, ahead, np.array([2.5]))
    before, after = (fit_exams(rows, AS_OF, CONFIG).of(ahead) for rows in (scores, pd.concat([scores, early])))
    pd.testing.assert_frame_equal(before, after, check_exact=True)
    assert abs(after["mean"].iloc[0]) < 0.5
    sat_already = fit_exams(pd.concat([scores, early]), AS_OF + pd.Timedelta(days=1), CONFIG).of(ahead)
    assert after["mean"].iloc[0] + 0.5 < sat_already["mean"].iloc[0] <= early["value"].mean()


def test_a_redesigned_exam_is_wider_and_not_wronger() -> None:
    """Of sixty academies, each with a type of exam that its subject never had."""
    variances = {"subject_group": 0.15, "subject_group__exam_type": 0.1}
    new_errors, old_errors, within = [], [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        table = exam_table(types=4, groups=4, terms=3)
        mean = effects_of(rng, table, **variances)
        is_redesign = ((table["subject_group"] == "group 0") & (table["exam_type"] == "type 3")).to_numpy()
        found = fit_exams(sat(rng, table[~is_redesign], mean[~is_redesign]), AS_OF, CONFIG)
        redesign = table[is_redesign].iloc[[0]].assign(exam_date=AS_OF)
        known = redesign.assign(exam_type="type 1", course_day=30.0)
        answers = found.of(pd.concat([redesign, known]))
        assert answers["is_new"].tolist() == [True, False]
        assert answers["variance"].iloc[0] > 1.2 * answers["variance"].iloc[1]
        # What came: an exam of the new type, whose mean it shares, of its own.
        came = mean[is_redesign].mean()
        new_errors.append(came - answers["mean"].iloc[0])
        old_errors.append(came - answers["mean"].iloc[1])
        within.append(abs(new_errors[-1]) <= 1.2816 * np.sqrt(answers["variance"].iloc[0]))
    assert np.mean(np.abs(new_errors)) < np.mean(np.abs(old_errors))
    assert 0.75 <= np.mean(within) <= 0.99, "an interval of 80 %, made wide by what so few groups cannot tell"


def test_without_any_exam_the_nation_is_assumed() -> None:
    table = pd.concat([exam_table().head(1), exam_table(scale="raw_score").head(1)])
    nothing = fit_exams(table.assign(value=0.0).iloc[:0], AS_OF, CONFIG)
    assert nothing.of(table)[["mean", "variance", "sd"]].to_numpy().tolist() == [[0, 0.25, 1], [66, 225, 18]]
    assert nothing.of(table)["is_new"].all()
    assert nothing.of(table.iloc[:0]).empty


def test_an_exam_in_which_all_did_the_same_has_a_spread() -> None:
    table = exam_table(types=1, groups=1, terms=1, scale="raw_score")
    found = fit_exams(sat(np.random.default_rng(0), table, np.array([70.0]), sd=0.0), AS_OF, CONFIG)
    assert found.of(table)[["mean", "sd"]].to_numpy()[0] == pytest.approx([70.0, 5.0])


def test_the_largest_exams_take_part() -> None:
    rng = np.random.default_rng(8)
    table = exam_table()
    scores = pd.concat([sat(rng, table, np.zeros(64), 10), sat(rng, table.head(20), np.zeros(20), 5)])
    found = fit_exams(scores, AS_OF, CONFIG)
    few = expectation(found.known, "mean", 0.0, np.full(6, 0.1), ScorePredictionConfig(max_exams=20))
    assert len(found.known) == 64
    assert few.exams[EXAM].merge(table.head(20), on=EXAM).shape[0] == 20
