"""How good the outlook would have been: the same rows for all, and a world in which it must be better."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from ml_assets.evaluation.probabilities import probability_figures
from ml_assets.outlook import backtest, outcomes
from ml_assets.outlook.backtest import asked_and_told, evaluate_outlook
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import OutlookModel, baselines_of, examples_of
from ml_assets.outlook.publication import asked
from tests.ml_assets.outlook.worlds import AS_OF, SMALL, World

EVERYTHING = {*outcomes.QUESTIONS, outcomes.STRUGGLE, outcomes.READY}


@pytest.fixture(scope="module")
def block(class_input: OutlookInput, class_later: OutlookInput) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtest, "_LEAST_OF_COURSE", 20)
        return evaluate_outlook(class_input, class_later, SMALL)


def test_what_is_in_it(block: dict[str, Any], class_model: OutlookModel) -> None:
    assert set(block) == EVERYTHING
    short = {"auroc", "brier", "expected_calibration_error"}
    for name, figures in block.items():
        more = {"by_course_start"} if name == outcomes.SILENCE else set()
        assert set(figures) == {"n", "rate", "deciles", "in_use", "baselines", *short, *more}, name
        assert figures["in_use"] == class_model.answers[name].in_use
        assert sum(row["n"] for row in figures["deciles"]) == figures["n"]
        own = {"base_rate", "completion_12w"} if name == outcomes.STRUGGLE else {"base_rate", "latest_gap"}
        of_students = {"base_rate", "days_since_active", "done_14d", "completion_28d"}
        assert set(figures["baselines"]) == (of_students if name in outcomes.QUESTIONS else own)
        assert all(set(each) == short for each in figures["baselines"].values())


def test_all_are_held_against_the_same_rows(
    block: dict[str, Any], class_input: OutlookInput, class_later: OutlookInput, class_model: OutlookModel
) -> None:
    examples = examples_of(class_input, SMALL, AS_OF)
    for name in (outcomes.SILENCE, outcomes.WEEK):
        rows = asked_and_told(class_input, class_later, SMALL, name)
        happened = rows["outcome"].to_numpy(float)
        answer = class_model.answers[name].model
        assert answer is not None
        expected = probability_figures(happened, answer.probability(rows))
        assert {key: block[name][key] for key in expected} == expected
        for code, each in baselines_of(name, examples[name], SMALL).items():
            assert each.model is not None
            found = probability_figures(happened, each.model.probability(rows))
            assert block[name]["baselines"][code] == {key: found[key] for key in block[name]["baselines"][code]}
        base = examples[name].outcome.mean()
        assert block[name]["baselines"]["base_rate"]["brier"] == pytest.approx(
            np.mean((happened - base) ** 2), rel=0.05
        )


def test_what_was_asked_is_what_is_published(
    block: dict[str, Any], class_input: OutlookInput, class_model: OutlookModel
) -> None:
    """But for what cannot be judged: weeks of too few items, subjects and series without what comes next."""
    told = asked(class_model, class_input)
    assert block[outcomes.SILENCE]["n"] == len(told[outcomes.SILENCE])
    assert block[outcomes.IDLE]["n"] == len(told[outcomes.IDLE])
    assert 0 < block[outcomes.WEEK]["n"] <= len(told[outcomes.WEEK])
    assert len(told[outcomes.STRUGGLE]) < block[outcomes.STRUGGLE]["n"] <= 3 * 50


def test_what_came_is_what_happened(class_world: World, class_input: OutlookInput, class_later: OutlookInput) -> None:
    """By the plan items, and by what was known of leaving only later."""
    week = asked_and_told(class_input, class_later, SMALL, outcomes.WEEK).set_index("student_id")["outcome"]
    items = class_world.everything()
    coming = items[items["planned"].between(0, 6)]
    done = (coming["done"] - coming["planned"] < 7).groupby(coming["student_id"]).agg(["mean", "size"])
    expected = done.loc[done["size"] >= 3, "mean"]
    np.testing.assert_allclose(week, expected.reindex(week.index))
    silent = asked_and_told(class_input, class_later, SMALL, outcomes.SILENCE).set_index("student_id")["outcome"]
    left = {row["student_id"]: row["withdrawn"] for row in class_world.students}
    for student, outcome in silent.items():
        own = items[items["student_id"] == student]
        is_silent = not own["done"].between(14, 41).any()
        assert outcome == float(is_silent or left[student] < 28)
    assert 0 < silent.sum() < len(silent)


def test_cancelling_after_the_cut_off_is_known_from_the_later_frames() -> None:
    def told(*cancelled: float) -> float:
        world = World()
        world.student("s")
        world.active("s", *range(-20, 60))
        for day in cancelled:
            world.enrol("s", -50, 200, day)
        (outcome,) = asked_and_told(world.at(), world.at(56), SMALL, outcomes.SILENCE)["outcome"]
        return float(outcome)

    assert told(10) == 1
    assert told(0) == 1
    assert told(28) == 0
    assert told(10, np.nan) == 0
    assert told(10, 20) == 1


@pytest.mark.parametrize("name", [outcomes.WEEK, outcomes.OVERLOAD, outcomes.STRUGGLE])
def test_in_a_world_of_habits_it_must_beat_what_one_would_do_without(block: dict[str, Any], name: str) -> None:
    figures = block[name]
    assert figures["in_use"] == "additive"
    assert figures["brier"] < 0.8 * figures["baselines"]["base_rate"]["brier"]
    assert figures["brier"] < min(each["brier"] for each in figures["baselines"].values())


def test_by_the_start_of_the_course_what_was_settled_then_teaches(
    block: dict[str, Any], class_input: OutlookInput
) -> None:
    """All courses of the class began on one day, 140 days before."""
    started = block[outcomes.SILENCE]["by_course_start"]
    day = AS_OF - dt.timedelta(days=140)
    assert set(started) == {day.isoformat()}
    figures = started[day.isoformat()]
    assert figures["n"] == block[outcomes.SILENCE]["n"]
    assert figures["rate"] == block[outcomes.SILENCE]["rate"]
    examples = examples_of(class_input, SMALL, day)[outcomes.SILENCE]
    assert figures["baselines"]["base_rate"]["brier"] != block[outcomes.SILENCE]["baselines"]["base_rate"]["brier"]
    rate, learned = figures["rate"], examples.outcome.mean()
    expected = rate * (1 - learned) ** 2 + (1 - rate) * learned**2
    assert figures["baselines"]["base_rate"]["brier"] == pytest.approx(expected)


def test_of_few_learners_nothing_is_said_apart() -> None:
    world = World()
    for number in range(3):
        world.student(f"s{number}")
        world.active(f"s{number}", *range(-30, 50))
        world.course(f"s{number}")
    found = evaluate_outlook(world.at(), world.at(56), SMALL)
    assert set(found) == EVERYTHING
    assert found[outcomes.SILENCE] == {"n": 3, "in_use": "insufficient", "by_course_start": {}}
    assert found[outcomes.READY] == {"n": 0, "in_use": "insufficient"}


def test_nobody() -> None:
    found = evaluate_outlook(World().at(), World().at(56), SMALL)
    assert {figures["n"] for figures in found.values()} == {0}
