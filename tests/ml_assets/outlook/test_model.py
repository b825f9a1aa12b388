"""The model: when there is one, what it may learn from, and the same answers in whatever order, alone or together."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ml_assets.outlook import outcomes
from ml_assets.outlook.additive import fit_additive
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.features import SUBJECT_FEATURES
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import (
    ADDITIVE,
    INSUFFICIENT,
    Answer,
    Examples,
    ModelMismatchError,
    OutlookModel,
    baselines_of,
    choose,
    examples_of,
    fit,
    fit_to,
)
from ml_assets.outlook.publication import asked, predictions
from tests.ml_assets.outlook.worlds import AS_OF, SMALL, TODAY, World, renamed, shuffled

NAME = outcomes.STRUGGLE
SETTLED = 28
CONFIG = OutlookConfig(min_rows=200, min_events=20, knots=5)
Truth = Callable[[pd.DataFrame], Any]


def examples(truth: Truth, rows: int = 4_000, days: int = 40, seed: int = 0, owners: int = 200) -> Examples:
    """Rows of a subject's features on so many weekly days, with events of the probability that `truth` says."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame({name: rng.normal(size=rows) for name in SUBJECT_FEATURES})
    features = features.assign(owner=rng.integers(0, owners, rows), day=7 * rng.integers(0, days, rows))
    probability = np.broadcast_to(np.asarray(truth(features), dtype=float), rows)
    return Examples(features, (rng.random(rows) < probability).astype(float), SETTLED)


def loaded(rows: pd.DataFrame) -> Any:
    """What no baseline looks at decides."""
    return expit(2 * rows["planned_4w"] - rows["exams"])


def noise(rows: pd.DataFrame) -> Any:
    return 0.3


def by_baseline(rows: pd.DataFrame) -> Any:
    return expit(2 * rows["completion_12w"])


def answer_of(truth: Truth, config: OutlookConfig = CONFIG, **more: Any) -> Answer:
    return choose(NAME, examples(truth, **more), config)


def test_the_model_is_used_where_features_tell() -> None:
    answer = answer_of(loaded)
    assert answer.in_use == ADDITIVE
    baselines = answer.metrics["baselines"]
    assert set(baselines) == {"base_rate", "completion_12w"}
    assert answer.metrics["brier"] < 0.8 * min(each["brier"] for each in baselines.values())
    assert answer.metrics["auroc"] > 0.8
    free = answer_of(loaded, replace(CONFIG, regularisation=1.0), rows=10_000).model
    assert free is not None
    rows = examples(loaded, seed=1).rows
    assert np.abs(free.probability(rows) - loaded(rows)).mean() < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_a_baseline_is_used_where_features_are_noise(seed: int) -> None:
    answer = answer_of(noise, seed=seed)
    tried = {ADDITIVE, "base_rate", "completion_12w"}
    assert answer.in_use in tried - {ADDITIVE}
    assert set(answer.metrics["baselines"]) == tried - {answer.in_use}
    assert answer.model is not None
    found = examples(noise, seed=seed)
    assert answer.model.probability(found.rows).mean() == pytest.approx(found.outcome.mean(), abs=0.01)
    if answer.in_use == "base_rate":
        assert not answer.model.effects


def test_the_best_baseline_is_used_where_it_tells_all() -> None:
    answer = answer_of(by_baseline)
    assert answer.in_use == "completion_12w"
    assert answer.model is not None
    assert list(answer.model.effects) == ["completion_12w"]


@pytest.mark.parametrize(
    ("rows", "rate", "days", "expected"),
    [
        (199, 0.5, 10, INSUFFICIENT),
        (2_000, 0.004, 40, INSUFFICIENT),
        (2_000, 0.996, 40, INSUFFICIENT),
        (2_000, 0.0, 40, INSUFFICIENT),
        (2_000, 0.5, 1, INSUFFICIENT),
        (2_000, 0.5, 4, "base_rate"),  # no row was settled when the later ones were asked about
        (210, 0.5, 40, "base_rate"),
        (0, 0.5, 10, INSUFFICIENT),
    ],
)  # fmt: skip
def test_too_little_is_no_model(rows: int, rate: float, days: int, expected: str) -> None:
    found = examples(lambda _: rate, rows=rows, days=days)
    answer = choose(NAME, found, CONFIG)
    assert answer.in_use == expected
    assert (answer.model is None) == (expected == INSUFFICIENT)
    assert answer.metrics == {"rows": rows, "events": found.outcome.sum()}
    if answer.model is not None:
        assert not answer.model.effects
        assert answer.model.base() == pytest.approx(found.outcome.mean())


def test_just_enough_is_enough() -> None:
    found = examples(noise, rows=400)
    events = np.zeros(400)
    events[:: 400 // CONFIG.min_events] = 1
    assert events.sum() == CONFIG.min_events
    assert choose(NAME, replace(found, outcome=events), CONFIG).in_use != INSUFFICIENT
    events[0] = 0
    assert choose(NAME, replace(found, outcome=events), CONFIG).in_use == INSUFFICIENT
    one_less = replace(found, rows=found.rows.head(199), outcome=np.tile([0.0, 1.0], 100)[:199])
    assert choose(NAME, one_less, CONFIG).in_use == INSUFFICIENT
    baselines = baselines_of(NAME, one_less, CONFIG)
    assert {each.in_use for each in baselines.values()} == {INSUFFICIENT}
    assert {code: each.in_use for code, each in baselines_of(NAME, found, CONFIG).items()} == {
        "base_rate": "base_rate", "completion_12w": "completion_12w",
    }  # fmt: skip


def turned(found: Examples, chosen: np.ndarray) -> Examples:
    """The same with other outcomes of the chosen rows, as many events as before."""
    outcome = found.outcome.copy()
    outcome[chosen] = outcome[chosen][::-1]
    return replace(found, outcome=outcome)


def test_models_are_compared_on_later_days_by_what_was_settled_before_them() -> None:
    """40 days: the last ten compare, and what was asked in the four weeks before them is in nobody's training."""
    found = examples(loaded)
    first = 7 * 30
    day = found.day
    compared = choose(NAME, found, CONFIG).metrics
    between = (day < first) & (day + SETTLED > first)
    assert between.sum() > 100
    assert choose(NAME, turned(found, between), CONFIG).metrics == {**compared, "is_isotonic": compared["is_isotonic"]}
    settled = day + SETTLED <= first
    edge = day + SETTLED == first
    for changed in (settled, edge, day >= first, day == first):
        other = choose(NAME, turned(found, changed), CONFIG)
        assert other.metrics["brier"] != compared["brier"]
    assert compared["n"] == (day >= first).sum()
    assert compared["rows"] == len(found.rows)


def test_what_was_compared_on_teaches_in_the_end() -> None:
    found = examples(loaded)
    model = choose(NAME, found, CONFIG).model
    expected = fit_additive(found.rows, found.outcome, SUBJECT_FEATURES, knots=5, regularisation=CONFIG.regularisation)
    assert model is not None
    assert replace(model, calibration=None).to_dict() == expected.to_dict()


def shrunken(regularisation: float) -> tuple[Answer, Examples]:
    found = examples(lambda rows: expit(4 * rows["planned_4w"]), rows=6_000)
    return choose(NAME, found, replace(CONFIG, regularisation=regularisation)), found


def test_a_wrong_shape_is_calibrated_and_a_right_one_is_left_alone() -> None:
    timid, found = shrunken(1e-3)
    right, _ = shrunken(10.0)
    assert timid.metrics["is_isotonic"] is True
    assert right.metrics["is_isotonic"] is False
    assert timid.model is not None
    assert right.model is not None
    assert right.model.calibration is None
    truth = expit(4 * found.rows["planned_4w"].to_numpy())
    bare = replace(timid.model, calibration=None)
    error, uncalibrated = (np.abs(each.probability(found.rows) - truth).mean() for each in (timid.model, bare))
    assert error < 0.4 * uncalibrated
    assert error < 0.1


def test_calibration_learns_from_students_whom_its_model_has_not_seen() -> None:
    """A model that knows its own rows by heart looks calibrated on them, and is too sure of others."""

    def truth(rows: pd.DataFrame) -> Any:
        return expit(rows["planned_4w"] - 0.7 * rows["exams"])

    found = examples(truth, rows=1_200, seed=1)
    answer = choose(NAME, found, replace(CONFIG, regularisation=1e4, knots=10))
    assert answer.in_use == ADDITIVE
    assert answer.metrics["is_isotonic"] is True
    assert answer.model is not None
    others = examples(truth, seed=99).rows
    calibrated, bare = (
        np.mean((each.probability(others) - truth(others)) ** 2)
        for each in (answer.model, replace(answer.model, calibration=None))
    )
    assert calibrated < 0.9 * bare


def test_parts_of_a_calibrated_probability_stay_on_its_scale() -> None:
    """Where the calibration had steps, parts of several hundred points made up for each other."""
    found = examples(lambda rows: expit(3 * rows["completion_4w"] - 2 * rows["exams"] + 1.5 * rows["planned_4w"]))
    answer = choose(NAME, found, CONFIG)
    assert answer.metrics["is_isotonic"] is True
    assert answer.model is not None
    impacts = answer.model.impacts(found.rows, {name: (name,) for name in SUBJECT_FEATURES})
    assert np.abs(impacts).max(axis=None) < 2.5


def test_a_rate_is_a_target_as_an_event_is() -> None:
    found = examples(loaded)
    rates = replace(found, outcome=np.clip(loaded(found.rows).to_numpy() + 0.05 * (found.outcome - 0.5), 0, 1))
    answer = choose(NAME, rates, replace(CONFIG, regularisation=1.0))
    assert answer.in_use == ADDITIVE
    assert answer.metrics["auroc"] is None
    assert answer.model is not None
    assert np.abs(answer.model.probability(found.rows) - rates.outcome).mean() < 0.05


def test_twice_is_the_same_and_so_is_another_order_of_rows(
    class_model: OutlookModel, class_input: OutlookInput, published: pd.DataFrame, nothing_published: pd.DataFrame
) -> None:
    other = shuffled(class_input)
    again = fit(other, SMALL)
    assert again.content_hash == class_model.content_hash
    assert again.metrics == class_model.metrics
    pd.testing.assert_frame_equal(predictions(again, other, nothing_published), published, check_exact=True)


def by_student(model: OutlookModel, inputs: OutlookInput) -> dict[str, pd.Series]:
    return {name: rows.set_index("student_id")["probability"] for name, rows in asked(model, inputs).items()}


def test_who_is_called_otherwise_gets_the_same(class_model: OutlookModel, class_input: OutlookInput) -> None:
    """Two students change names: everybody's probabilities stay, theirs are each other's.

    The two are of one half of the students, by place: calibration is tried on one half and the other.
    """
    names = {"s002": "s030", "s030": "s002"}
    other = renamed(class_input, names)
    before, after = by_student(class_model, class_input), by_student(fit(other, SMALL), other)
    assert set(before) == set(after)
    for name, expected in before.items():
        found = after[name].rename(index=names).reindex(expected.index)
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("student", ["s001", "s010", "s031"])
def test_a_student_alone_gets_the_numbers_of_the_batch(
    student: str, class_model: OutlookModel, class_input: OutlookInput
) -> None:
    together = asked(class_model, class_input)
    alone = asked(class_model, replace(class_input, students=class_input.students.query("student_id == @student")))
    assert {name for name, rows in alone.items() if len(rows)} >= {outcomes.STRUGGLE, outcomes.READY}
    for name, rows in together.items():
        expected = rows.loc[rows["student_id"] == student, "probability"]
        np.testing.assert_allclose(alone[name]["probability"], expected, atol=1e-12)


def test_another_academy_changes_nothing_under_one_model(class_model: OutlookModel, class_input: OutlookInput) -> None:
    together = asked(class_model, class_input)
    own = asked(class_model, replace(class_input, students=class_input.students.query("tenant_id == 't0'")))
    for name, rows in together.items():
        assert set(rows["tenant_id"]) <= {"t0", "t1"}
        expected = rows.loc[rows["tenant_id"] == "t0", ["student_id", "probability"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(own[name][["student_id", "probability"]].reset_index(drop=True), expected)


def test_a_saved_model_answers_the_same(
    class_model: OutlookModel,
    class_input: OutlookInput,
    published: pd.DataFrame,
    nothing_published: pd.DataFrame,
    tmp_path: Path,
) -> None:
    class_model.save(tmp_path / "new")
    loaded_again = OutlookModel.load(tmp_path / "new")
    assert loaded_again == replace(class_model, answers=loaded_again.answers)
    assert loaded_again.version == class_model.version
    assert loaded_again.metrics == class_model.metrics
    pd.testing.assert_frame_equal(predictions(loaded_again, class_input, nothing_published), published)


def test_a_calibrated_model_and_none_are_saved_too(tmp_path: Path) -> None:
    timid, found = shrunken(1e-3)
    model = OutlookModel(
        as_of=AS_OF, config=CONFIG, answers={NAME: timid, outcomes.WEEK: Answer(None, INSUFFICIENT, {"rows": 3})}
    )
    model.save(tmp_path)
    again = OutlookModel.load(tmp_path).answers
    assert again[outcomes.WEEK] == model.answers[outcomes.WEEK]
    assert timid.model is not None
    assert again[NAME].model is not None
    np.testing.assert_array_equal(again[NAME].model.probability(found.rows), timid.model.probability(found.rows))


def in_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        change(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")

    return changed


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "day": lambda m: m.update(as_of="2026-09-08"),
    "settings": lambda m: m["config"].update(active_days=3),
    "what answers": lambda m: m["answers"][NAME].update(in_use="base_rate"),
    "intercept": lambda m: m["answers"][NAME]["model"].update(intercept=0.5),
    "effect": lambda m: m["answers"][NAME]["model"]["effects"]["completion_12w"].update(missing=1e-9),
    "calibration": lambda m: m["answers"][NAME]["model"].update(calibration=[[0.0, 1.0], [0.0, 0.9]]),
    "no model": lambda m: m["answers"][NAME].update(model=None),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_file_is_refused(
    change: Callable[[dict[str, Any]], object], class_model: OutlookModel, tmp_path: Path
) -> None:
    class_model.save(tmp_path)
    in_manifest(change)(tmp_path)
    with pytest.raises(ModelMismatchError, match="was changed after it was written"):
        OutlookModel.load(tmp_path)


def test_another_schema_is_refused(class_model: OutlookModel, tmp_path: Path) -> None:
    class_model.save(tmp_path)
    in_manifest(lambda m: m.update(schema_version=2))(tmp_path)
    with pytest.raises(ModelMismatchError, match="schema 2; this code reads 1"):
        OutlookModel.load(tmp_path)


def test_the_version_changes_with_the_content_and_names_what_answers(class_model: OutlookModel) -> None:
    assert class_model.version == f"outlook-additive-{class_model.content_hash[:12]}"
    struggle = class_model.answers[NAME]
    assert struggle.model is not None
    moved = replace(struggle, model=replace(struggle.model, intercept=struggle.model.intercept + 1e-9))
    versions = {
        class_model.version,
        replace(class_model, answers={**class_model.answers, NAME: moved}).version,
        replace(class_model, as_of=AS_OF + dt.timedelta(days=1)).version,
        replace(class_model, config=replace(SMALL, kept_weeks=3)).version,
    }
    assert len(versions) == 4
    plain = Answer(None, INSUFFICIENT, {})
    assert replace(class_model, answers={NAME: plain}).version.startswith("outlook-insufficient-")
    baseline = replace(struggle, in_use="base_rate")
    assert replace(class_model, answers={NAME: plain, "x": baseline}).version.startswith("outlook-baseline-")
    figures = replace(struggle, metrics={})
    assert replace(class_model, answers={**class_model.answers, NAME: figures}).version == class_model.version
    assert "subject_struggle additive" in class_model.in_use


def test_only_what_was_settled_teaches(class_world: World) -> None:
    """Examples until a day are those of frames cut on it, and of no later day."""
    day = -35
    until = AS_OF + dt.timedelta(days=day)
    then, later = examples_of(class_world.at(day), SMALL, until), examples_of(class_world.at(0), SMALL, until)
    for name, found in later.items():
        assert (found.day + found.settled_days <= TODAY + day).all(), name
        assert found.day.max() >= TODAY + day - found.settled_days - 7
        assert found.day.min() >= TODAY + day - 7 * SMALL.history_weeks
        columns = [column for column in found.rows.columns if column != "cancelled"]
        pd.testing.assert_frame_equal(then[name].rows[columns], found.rows[columns], obj=name)
        np.testing.assert_array_equal(then[name].outcome, found.outcome)
        assert len(found.outcome) > 100


def test_plans_ahead_are_counted_by_whole_weeks_before_the_cut_off(class_input: OutlookInput) -> None:
    """Whatever weekday a fit is of: in between, what was planned a day ago would count as planned ahead."""
    config = replace(SMALL, history_weeks=8)
    for back in (1, 6):
        found = examples_of(class_input, config, AS_OF - dt.timedelta(days=back))[outcomes.IDLE]
        assert set((found.day - TODAY) % 7) == {0}
        assert found.day.max() == TODAY - 14


def test_of_many_students_and_rows_a_fixed_choice_teaches(class_input: OutlookInput) -> None:
    config = replace(SMALL, history_weeks=12)
    every = examples_of(class_input, config, AS_OF)
    some = examples_of(class_input, replace(config, max_training_students=20), AS_OF)
    few = examples_of(class_input, replace(config, max_training_rows=100), AS_OF)
    for name, found in every.items():
        owners = some[name].rows["owner"].nunique()
        assert owners <= 20, name
        assert len(some[name].outcome) < len(found.outcome)
        assert 50 <= len(few[name].outcome) <= 100
        pd.testing.assert_frame_equal(
            few[name].rows, found.rows.iloc[:: -(-len(found.rows) // 100)].reset_index(drop=True)
        )
    again = examples_of(shuffled(class_input), replace(config, max_training_students=20), AS_OF)
    pd.testing.assert_frame_equal(again[outcomes.WEEK].rows, some[outcomes.WEEK].rows)


def test_a_short_history_is_no_error(class_input: OutlookInput) -> None:
    found = examples_of(class_input, replace(SMALL, history_weeks=3), AS_OF)
    assert len(found[outcomes.READY].outcome) == 0
    assert len(found[outcomes.SILENCE].outcome) == 0
    assert fit_to(found, SMALL, AS_OF).answers[outcomes.READY].in_use == INSUFFICIENT
