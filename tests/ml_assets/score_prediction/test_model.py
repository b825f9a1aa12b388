"""The predictor: the same answers in whatever order, under whatever label, alone or together, and after a reload."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.exams import EXAM
from ml_assets.score_prediction.inputs import ScorePredictionInput
from ml_assets.score_prediction.intervals import Calibration
from ml_assets.score_prediction.ledger import COLUMNS, Ledger
from ml_assets.score_prediction.level1 import fit_level1
from ml_assets.score_prediction.model import (
    BLUP,
    BOOSTED,
    SHRUNKEN_MEAN,
    ModelMismatchError,
    ScorePredictor,
    deviation_of,
    fit,
    native,
    points,
)
from ml_assets.score_prediction.publication import cohorts, predictions
from ml_assets.score_prediction.replay import next_exams
from tests.ml_assets.score_prediction.conftest import BOOSTED as BOOSTED_CONFIG
from tests.ml_assets.score_prediction.conftest import FEW_REPLAYS
from tests.ml_assets.score_prediction.worlds import AS_OF, Made, all_scores, as_known, frames_of, later_than

NUMBERS = ["predicted", "lower", "upper", "lower_90", "upper_90", "confidence", "current", "exam_variance", "place"]
SMALL = Made(students=50)
ONE_REPLAY = ScorePredictionConfig(replay_most=2, replay_step_days=90)


def asked_of(scores: pd.DataFrame) -> pd.DataFrame:
    """The next exam of each series: what comes after the cut-off."""
    return next_exams(
        later_than(scores).assign(value=0.0, day=lambda rows: rows["exam_date"]), pd.Timestamp(AS_OF), 365
    )


def described_as(scores: pd.DataFrame) -> pd.DataFrame:
    scale = np.where(scores["percentile"].isna() | (scores["percentile_basis"] == ""), "raw_score", "percentile")
    return scores.assign(scale=scale).drop(columns=["value", "day"])


@pytest.fixture(scope="module")
def small_scores() -> pd.DataFrame:
    return all_scores(SMALL)


@pytest.fixture(scope="module")
def small_asked(small_scores: pd.DataFrame) -> pd.DataFrame:
    return described_as(asked_of(small_scores))


@pytest.fixture(scope="module")
def small_answers(small_scores: pd.DataFrame, small_asked: pd.DataFrame) -> pd.DataFrame:
    inputs = as_known(small_scores)
    return fit(inputs, ONE_REPLAY).predict(inputs, small_asked)


def shuffled(inputs: ScorePredictionInput, seed: int = 3) -> ScorePredictionInput:
    frames = frames_of(inputs)
    as_of = frames.pop("as_of")
    return ScorePredictionInput(
        as_of=as_of, **{name: frame.sample(frac=1, random_state=seed) for name, frame in frames.items()}
    )


def test_twice_is_the_same_and_so_is_another_order_of_rows(
    boosted_model: ScorePredictor, class_input: ScorePredictionInput, boosted_published: pd.DataFrame
) -> None:
    other = shuffled(class_input)
    again = fit(other, BOOSTED_CONFIG)
    assert again.content_hash == boosted_model.content_hash
    assert again.version == f"score_predictor-{again.in_use}-{again.content_hash[:12]}"
    pd.testing.assert_frame_equal(predictions(again, other), boosted_published, check_exact=True)
    pd.testing.assert_frame_equal(cohorts(again, other), cohorts(boosted_model, class_input), check_exact=True)


def test_a_course_may_have_another_name(
    small_scores: pd.DataFrame, small_asked: pd.DataFrame, small_answers: pd.DataFrame
) -> None:
    def renamed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(subject_id=frame["subject_id"].map({"id of 국어": "2022 z", "id of 수학": "2022 a"}))

    inputs = as_known(renamed(small_scores))
    answers = fit(inputs, ONE_REPLAY).predict(inputs, renamed(small_asked))
    np.testing.assert_allclose(answers[NUMBERS], small_answers[NUMBERS], rtol=0, atol=1e-9)


def test_a_year_later_is_the_same(
    small_scores: pd.DataFrame, small_asked: pd.DataFrame, small_answers: pd.DataFrame
) -> None:
    """Every day moved by 52 weeks, the cut-off too."""
    year = pd.Timedelta(weeks=52)

    def moved(frame: pd.DataFrame) -> pd.DataFrame:
        days = frame.select_dtypes("datetime").columns
        return frame.assign(**{name: frame[name] + year for name in days})

    frames = frames_of(as_known(small_scores))
    as_of = frames.pop("as_of") + year.to_pytimedelta()
    inputs = ScorePredictionInput(as_of=as_of, **{name: moved(frame) for name, frame in frames.items()})
    answers = fit(inputs, ONE_REPLAY).predict(inputs, moved(small_asked))
    np.testing.assert_allclose(answers[NUMBERS], small_answers[NUMBERS], rtol=0, atol=1e-9)


@pytest.mark.parametrize("which", ["class_model", "boosted_model"])
def test_a_student_alone_gets_the_rows_of_the_batch(
    which: str, class_input: ScorePredictionInput, request: pytest.FixtureRequest
) -> None:
    model: ScorePredictor = request.getfixturevalue(which)
    together = request.getfixturevalue("published" if which == "class_model" else "boosted_published")
    for student in ("s0000", "s0077", "one", "ten", "elsewhere", "only mock", "none"):
        alone = predictions(model, class_input.of_students([student]))
        expected = together[together["student_id"] == student].reset_index(drop=True)
        assert alone.shape == expected.shape, student
        pd.testing.assert_frame_equal(alone, expected, check_exact=True, check_dtype=len(alone) > 0)


def test_chosen_students_have_peers_even_when_chosen_twice(
    class_model: ScorePredictor, class_input: ScorePredictionInput, published: pd.DataFrame
) -> None:
    some = class_input.of_students(["only mock", "s0001"]).of_students(["only mock"])
    expected = published[published["student_id"] == "only mock"].reset_index(drop=True)
    assert set(expected["exam_kind"]) == {"mock", "internal"}
    pd.testing.assert_frame_equal(predictions(class_model, some), expected, check_exact=True)


@pytest.mark.parametrize("which", ["class_model", "boosted_model"])
def test_a_saved_predictor_answers_the_same(
    which: str, class_input: ScorePredictionInput, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model: ScorePredictor = request.getfixturevalue(which)
    model.save(tmp_path)
    loaded = ScorePredictor.load(tmp_path)
    assert loaded.content_hash == model.content_hash
    assert loaded.metrics == model.metrics
    assert (loaded.trees is None) == (model.trees is None)
    some = class_input.of_students(["s0000", "s0001", "one", "elsewhere"])
    pd.testing.assert_frame_equal(predictions(loaded, some), predictions(model, some), check_exact=True)


def in_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        change(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")

    return changed


def in_exams(folder: Path) -> None:
    exams = pd.read_parquet(folder / "exams.parquet")
    exams.loc[0, "mean"] += 0.01
    exams.to_parquet(folder / "exams.parquet", index=False)


def in_arrays(folder: Path) -> None:
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays}
    found["trees/node_value"] = found["trees/node_value"] + 1e-9
    np.savez_compressed(folder / "arrays.npz", allow_pickle=False, **found)


CHANGES = {
    "weight": in_manifest(lambda m: m.update(trees_weight=0.1)),
    "components": in_manifest(lambda m: m["level"]["components"].update(student=0.9)),
    "quantiles": in_manifest(lambda m: m["calibration"].update(widening=0.5)),
    "settings": in_manifest(lambda m: m["config"].update(longest_history=3)),
    "what answers": in_manifest(lambda m: m.update(in_use=SHRUNKEN_MEAN)),
    "day": in_manifest(lambda m: m.update(as_of="2026-09-08")),
    "exams": in_exams,
    "arrays": in_arrays,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_file_is_refused(
    change: Callable[[Path], None], boosted_model: ScorePredictor, tmp_path: Path
) -> None:
    boosted_model.save(tmp_path)
    change(tmp_path)
    with pytest.raises(ModelMismatchError, match="was changed after it was written"):
        ScorePredictor.load(tmp_path)


def test_another_schema_is_refused(class_model: ScorePredictor, tmp_path: Path) -> None:
    class_model.save(tmp_path)
    in_manifest(lambda m: m.update(schema_version=2))(tmp_path)
    with pytest.raises(ModelMismatchError, match="schema 2"):
        ScorePredictor.load(tmp_path)


def test_early_scores_of_an_exam_to_come_do_not_tell_what_it_will_be_like(
    small_scores: pd.DataFrame, small_asked: pd.DataFrame
) -> None:
    """Half the class has handed in, all of them poorly; or all well."""
    ahead = later_than(small_scores)
    ahead = ahead[ahead["exam_date"] >= pd.Timestamp(AS_OF)]
    handed_in = ahead[ahead["student_id"] < "s0025"].assign(known_date=pd.Timestamp(AS_OF) - pd.Timedelta(days=2))
    assert handed_in.groupby(["subject_group", "exam_date"]).size().max() > 10
    day, expected = pd.Timestamp(AS_OF), []
    told = small_asked[small_asked["student_id"] >= "s0025"]
    columns = ["exam_mean", "exam_variance", "exam_sd", "is_new_exam"]
    for percentile, raw in ((None, None), (3.0, 20.0), (97.0, 95.0)):
        early = handed_in.assign(
            percentile=handed_in["percentile"].where(handed_in["percentile"].isna(), percentile or 50),
            raw_score=raw or 50,
        )
        early = early.assign(score_id="early " + early["score_id"])
        scores = pd.concat([small_scores, early] if percentile else [small_scores])
        known = as_known(scores).known
        expected.append(fit_level1(known, day, FEW_REPLAYS, 180.0).predict(known, told)[columns])
    for other in expected[1:]:
        pd.testing.assert_frame_equal(other, expected[0], check_exact=True)


def test_scores_after_the_cut_off_play_no_part(
    class_model: ScorePredictor, class_scores: pd.DataFrame, class_input: ScorePredictionInput
) -> None:
    """The exams asked about may bring their scores along: nobody reads them."""
    truth = described_as(asked_of(class_scores)).head(200)
    with_scores, without = truth, truth.assign(raw_score=np.nan, percentile=np.nan, standard_score=np.nan)
    answers = [class_model.predict(class_input, rows)[NUMBERS] for rows in (with_scores, without)]
    pd.testing.assert_frame_equal(*answers, check_exact=True)


def test_a_typo_says_no_more_than_three_deviations(
    class_model: ScorePredictor, class_input: ScorePredictionInput
) -> None:
    known = class_input.known
    internal = known[(known["scale"] == "raw_score") & (known["student_id"] == "s0000")]
    last = internal.index[-1]
    exam = class_model.level.effects.of(known.loc[[last]]).iloc[0]
    assert exam["variance"] == 0
    answers = []
    for place in (2.0, 3.0, 5.0, 50.0):
        typo = known.copy()
        typo.loc[last, "value"] = exam["mean"] + place * exam["sd"]
        assert class_model.level.places(typo.loc[[last]])[0] == pytest.approx(min(place, 3.0))
        answers.append(
            class_model.level.predict(typo, known.loc[[last]].assign(exam_date=pd.Timestamp(AS_OF)))["place"].iloc[0]
        )
    assert answers[0] < answers[1] - 0.01
    assert answers[1:] == pytest.approx([answers[1]] * 3)


def test_a_redesigned_exam_is_wider(class_model: ScorePredictor, class_input: ScorePredictionInput) -> None:
    target = {"exam_date": pd.Timestamp("2026-11-19"), "exam_kind": "mock", "exam_type": "csat", "scale": "percentile"}
    known = class_input.known[class_input.known["subject_group"] == "국어"].drop_duplicates("student_id")
    asked = known.drop(columns=["value", "day"]).assign(**target, course_day=263.0, credit_hours=np.nan)

    def answers(exam_type: str) -> pd.DataFrame:
        return class_model.predict(class_input, asked.assign(exam_type=exam_type))

    new, olds = answers("redesigned"), [answers(name) for name in ("education_office", "kice", "csat")]
    assert new["is_new_exam"].all()
    for old in olds:
        assert not old["is_new_exam"].any()
        assert (new["exam_variance"] > old["exam_variance"]).all()
        assert (new["deviation"] > old["deviation"]).all()
        assert (new["upper"] - new["lower"]).mean() > 1.02 * (old["upper"] - old["lower"]).mean()
    # The point of a type that nobody knows lies among those of the known ones.
    known_means = [old["exam_mean"].mean() for old in olds]
    assert min(known_means) - 0.1 < new["exam_mean"].mean() < max(known_means) + 0.1


def test_parts_add_up_to_the_prediction(
    boosted_model: ScorePredictor, class_scores: pd.DataFrame, class_input: ScorePredictionInput
) -> None:
    rows = boosted_model.predict(class_input, described_as(asked_of(class_scores)))
    parts = rows[["past_exams", "trend", "effort", "kind", "cohort"]]
    np.testing.assert_allclose(parts.sum(axis=1) + rows["cohort_mean"], rows["predicted"], atol=1e-9)
    assert (parts.abs().max() > 0.05).all(), "each of them says something of somebody"


def test_the_ledger_widens_what_is_published(class_model: ScorePredictor, class_input: ScorePredictionInput) -> None:
    low, high = np.full(100, 40.0), np.full(100, 60.0)
    frame = dict(
        zip(COLUMNS, (np.full(100, 50.0), low, high, low - 5, high + 5, np.full(100, 65.0), True), strict=True)
    )
    model = fit(class_input, ScorePredictionConfig(replay_most=1), Ledger(pd.DataFrame(frame)))
    assert model.calibration.widening == pytest.approx(1.5)
    assert model.metrics["ledger"] == {"n": 100, "coverage_80": 0.0, "coverage_90": 1.0}
    some = class_input.known.drop(columns=["value", "day"]).tail(50).assign(exam_date=pd.Timestamp("2026-11-19"))
    widened = replace(class_model, calibration=replace(class_model.calibration, widening=1.5))
    narrow, wide = (m.predict(class_input, some) for m in (class_model, widened))
    np.testing.assert_array_equal(narrow["predicted"], wide["predicted"])
    assert (wide["lower"] <= narrow["lower"]).all()
    assert (wide["upper"] - wide["lower"] > 1.2 * (narrow["upper"] - narrow["lower"])).all()


def test_the_baseline_answers_where_nothing_could_be_measured(small_scores: pd.DataFrame) -> None:
    inputs = as_known(small_scores)
    model = fit(inputs, ScorePredictionConfig(replay_most=1, calibration_min_rows=10_000))
    assert model.in_use == SHRUNKEN_MEAN
    assert model.calibration.interval_basis() == "uncalibrated"
    rows = model.predict(inputs, described_as(asked_of(small_scores)))
    np.testing.assert_allclose(rows["center"], rows["exam_mean"] + rows["exam_sd"] * rows["shrunken_place"])
    assert (rows[["trend", "effort", "kind"]] == 0).all(axis=None)


def test_what_errs_least_answers(class_model: ScorePredictor, boosted_model: ScorePredictor) -> None:
    assert class_model.in_use in {BLUP, BOOSTED}
    assert class_model.metrics["mae"][class_model.in_use] < class_model.metrics["mae"][SHRUNKEN_MEAN]
    assert boosted_model.in_use == BOOSTED
    assert boosted_model.trees_weight == boosted_model.metrics["boosting_weight"] > 0


def test_deviations_add_the_student_the_score_and_the_exam() -> None:
    rows = pd.DataFrame({"exam_sd": [10.0], "place_variance": [0.09], "noise": [0.16], "exam_variance": [37.5]})
    assert deviation_of(rows, 2.0) == pytest.approx([10.0])


def test_points_and_back() -> None:
    scale = np.array(["percentile", "percentile", "raw_score", "raw_score"], dtype=object)
    assert points(np.array([0.0, 1.0, 55.0, 130.0]), scale) == pytest.approx([50, 84.134, 55, 100], abs=1e-3)
    assert native(points(np.array([0.3, -2.0, 55.0, 0.0]), scale), scale) == pytest.approx([0.3, -2.0, 55.0, 0.0])


def test_exams_are_kept_by_all_that_makes_them_one() -> None:
    assert EXAM == ["scale", "exam_kind", "exam_type", "subject_group", "subject_id", "school_year_level", "exam_date"]
    assert Calibration({}, 0).widening == 1.0
