from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning_patterns.backtest import apart, evaluate_patterns
from ml_assets.learning_patterns.inputs import LaterActivity
from tests.ml_assets.learning_patterns.worlds import World, academy


def later_of(world: World, shift: int = 0) -> LaterActivity:
    """What came next is what came before, `shift` hours later in the day."""
    frames = world.frames()
    hours = frames["hours"].assign(start_hour=lambda rows: (rows["start_hour"] + shift) % 24)
    rhythm = frames["rhythm"]
    plans = pd.DataFrame(
        {
            "student_id": rhythm["student_id"].repeat(7),
            "weekday": np.tile(np.arange(7), len(rhythm)),
            "planned_count": np.concatenate(rhythm["weekday_planned_count"].to_list()),
            "done_count": np.concatenate(rhythm["weekday_done_count"].to_list()),
        }
    )
    items = pd.DataFrame(
        world.works,
        columns=["student_id", "content_type", "subject_group", "minutes", "unit_count", "estimated_minutes"],
    )
    return LaterActivity(spells=hours, plans=plans, items=items)


def truth(world: World, slot: str, hour: int) -> pd.DataFrame:
    names = [own["student_id"] for own in world.students]
    return pd.DataFrame({"student_id": names, "slot": slot, "peak_hour": hour})


def test_habits_that_stay_are_found_and_those_that_move_are_not():
    world = academy(30)
    stays = evaluate_patterns(world.input(), later_of(world))
    moves = evaluate_patterns(world.input(), later_of(world, shift=6))
    assert stays["preferred_slot"]["first"] > 0.9
    assert stays["peak_hour"]["within_one_hour"] > 0.9
    assert moves["preferred_slot"]["first"] < 0.1
    assert moves["peak_hour"]["within_one_hour"] == 0
    assert set(stays["preferred_slot"]["baselines"]) == {"most_counted", "most_common_of_others"}


def test_hidden_habits_are_counted_with_those_who_are_not_told():
    world = academy(30)
    world.student("few")
    world.study("few", [1, 2, 3], hour=18)
    world.student("anywhen")
    for hour in (6, 9, 14, 18, 22):
        world.study("anywhen", range(hour, hour + 8), hour=hour)
    block = evaluate_patterns(world.input(), later_of(world), truth(world, "evening", 18))["hidden"]
    assert block["students"] == 31
    assert block["preferred_slot"]["told"] == pytest.approx(30 / 31)
    assert block["preferred_slot"]["first"] == pytest.approx(30 / 31)
    assert block["under_minimum"] == {"students": 1, "told": 0}
    wrong = evaluate_patterns(world.input(), later_of(world), truth(world, "night", 23))["hidden"]
    assert wrong["preferred_slot"]["first"] == 0
    assert wrong["peak_hour"]["within_one_hour"] == 0


def test_a_rate_that_is_right_has_the_brier_score_of_its_plans():
    world = World()
    for number in range(10):
        world.student(f"s{number}")
        world.plan(f"s{number}", range(1, 84))
    block = evaluate_patterns(world.input(), later_of(world))["completion_by_weekday"]
    assert block["n"] == 830
    assert block["brier"] < 0.01
    assert block["baselines"]["rate_of_all"]["brier"] == 0


def test_realistic_minutes_stand_beside_the_estimates():
    world = academy(30)
    block = evaluate_patterns(world.input(), later_of(world))["realistic_minutes"]
    assert block["n"] == 240
    assert block["within_p80"] == pytest.approx(0.8, abs=0.06)
    assert block["by_pace"]["baselines"]["app_estimate"]["median_mae"] > 0
    # Every item was estimated at half an hour, so that the pace is all there is to know.
    assert block["by_pace"]["median_mae"] == pytest.approx(block["median_mae"])


def test_the_block_is_json_with_nobody_and_with_nothing_later():
    nothing = LaterActivity(
        spells=pd.DataFrame({"student_id": [], "start_hour": [], "spell_count": [], "net_seconds": []}),
        plans=pd.DataFrame({"student_id": [], "weekday": [], "planned_count": [], "done_count": []}),
        items=pd.DataFrame(
            {
                name: []
                for name in (
                    *("student_id", "content_type", "subject_group", "minutes", "unit_count", "estimated_minutes"),
                )
            }
        ),
    )
    for world in (World(), academy(6)):
        block = evaluate_patterns(world.input(), nothing, truth(world, "evening", 18))
        json.dumps(block, allow_nan=False)
        assert block["counts"]["students"] == len(world.students)


def test_hours_are_counted_the_shorter_way_round():
    assert apart(np.array([23, 0, 12, 5]), np.array([0, 23, 0, 5])).tolist() == [1, 1, 12, 0]
