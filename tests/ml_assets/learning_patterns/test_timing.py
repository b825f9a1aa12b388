from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.learning_patterns.config import SLOT_OF_HOUR, SLOTS, LearningPatternConfig
from ml_assets.learning_patterns.model import habits
from ml_assets.learning_patterns.publication import patterns
from ml_assets.learning_patterns.timing import SLOT_OF, most_used, peak_hours, peak_of, slots_told
from tests.ml_assets.learning_patterns.worlds import World, academy

CONFIG = LearningPatternConfig()


def test_buckets_are_those_of_the_app():
    expected = {0: "night", 4: "night", 5: "early_morning", 7: "early_morning", 8: "morning", 11: "morning"}
    expected |= {12: "afternoon", 16: "afternoon", 17: "evening", 20: "evening", 21: "night", 23: "night"}
    assert {hour: SLOTS[SLOT_OF_HOUR[hour]] for hour in expected} == expected


@pytest.mark.parametrize("sessions", [1, 3, CONFIG.timing_min_sessions - 1])
def test_a_few_sessions_never_make_a_morning_person(sessions):
    world = academy(20, hour=9)
    world.student("new")
    world.study("new", range(1, sessions + 1), hour=9)
    row = patterns(world.input()).set_index("student_id").loc["new"]
    assert row["preferred_study_times"] == []
    assert row["peak_productivity_hours"] == []


def test_many_sessions_do():
    world = academy(20)
    world.student("lark")
    world.study("lark", range(1, 31), hour=9)
    row = patterns(world.input()).set_index("student_id").loc["lark"]
    assert row["preferred_study_times"] == ["morning"]
    assert row["peak_productivity_hours"][0] == 9


def test_sessions_of_one_day_are_one_habit():
    world = academy(20)
    world.student("crammer")
    for _ in range(15):
        world.study("crammer", [3, 4], hour=9)
    row = patterns(world.input()).set_index("student_id").loc["crammer"]
    assert row["preferred_study_times"] == []


def test_the_same_sessions_on_fewer_days_say_less():
    """Fifteen at one time and five at another: on twenty days that is a habit, on four it could be chance."""
    world = academy(20)
    world.student("packed")
    world.study("packed", [1, 8, 15] * 5, hour=9)
    world.study("packed", [22, 29] * 2 + [22], hour=14)
    world.student("spread")
    world.study("spread", range(1, 16), hour=9)
    world.study("spread", range(20, 25), hour=14)
    rows = patterns(world.input()).set_index("student_id")
    assert rows.loc["spread", "preferred_study_times"] == ["morning"]
    assert rows.loc["packed", "preferred_study_times"] != ["morning"]


def test_use_divided_between_neighbours_is_told_as_two_that_of_the_peak_first():
    world = academy(20)
    world.student("between")
    world.study("between", range(1, 31), hour=16)
    world.study("between", range(31, 48), hour=17)
    world.study("between", range(48, 65), hour=18)
    row = patterns(world.input()).set_index("student_id").loc["between"]
    assert set(row["preferred_study_times"]) == {"afternoon", "evening"}
    assert row["preferred_study_times"][0] == SLOTS[SLOT_OF_HOUR[row["peak_productivity_hours"][0]]]


def test_use_spread_over_the_day_is_not_told():
    world = academy(20)
    world.student("anywhen")
    for hour in (6, 9, 14, 18, 22):
        world.study("anywhen", range(hour, hour + 8), hour=hour)
    row = patterns(world.input()).set_index("student_id").loc["anywhen"]
    assert row["preferred_study_times"] == []


def test_what_is_told_is_right_as_often_as_promised():
    """Students made of the very prior: where one or two times are told, the most used is among them in 90 % or more."""
    rng = np.random.default_rng(5)
    true = rng.dirichlet(np.array([0.5, 1, 2, 3, 1.5]), size=6000)
    seen = rng.integers(10, 60, 6000)
    counts = np.stack([rng.multinomial(n, p) for n, p in zip(seen, true, strict=True)]).astype(float)
    posterior = counts + np.array([0.5, 1, 2, 3, 1.5])
    everything = np.ones(posterior.shape, dtype=bool)
    told = most_used(posterior, counts, seen > 0, everything, np.zeros(6000, dtype=np.int64), CONFIG)
    best = true.argmax(axis=1)
    right = ((told.order == best[:, None]) & (np.arange(5) < told.count[:, None])).any(axis=1)
    assert (told.count == 1).sum() > 1000
    assert (told.count == 2).sum() > 300
    assert right[told.count > 0].mean() > 0.9
    assert right[told.count == 2].mean() > 0.88


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=24, max_size=24), st.integers(0, 23))
def test_turning_the_clock_turns_the_peak(counts, turn):
    posterior = np.array([counts], dtype=float) + 0.3
    enough = np.ones(1, dtype=bool)
    here = peak_of(posterior, enough, CONFIG)
    there = peak_of(np.roll(posterior, turn, axis=1), enough, CONFIG)
    assert there.near[0] == pytest.approx(np.roll(here.near[0], turn))
    assert there.chance[0] == pytest.approx(here.chance[0]) or np.isclose(*np.sort(here.near[0])[-2:])
    assert len(peak_hours(here, CONFIG).iloc[0]) <= 3


def test_a_peak_about_midnight_is_one_peak():
    posterior = np.full((1, 24), 0.1)
    posterior[0, [23, 0, 1]] = [9.0, 10.0, 9.0]
    found = peak_of(posterior, np.ones(1, dtype=bool), CONFIG)
    assert found.hour[0] == 0
    assert set(peak_hours(found, CONFIG).iloc[0]) <= {23, 0, 1}


def test_two_peaks_that_are_alike_are_not_told():
    posterior = np.full((1, 24), 0.1)
    posterior[0, [9, 20]] = 15.0
    assert not peak_of(posterior, np.ones(1, dtype=bool), CONFIG).is_told[0]


def test_a_time_at_which_little_is_finished_gives_way():
    posterior = np.array([[1.0, 20, 1, 20, 1]])
    enough, peak = np.ones(1, dtype=bool), np.array([9])
    fits = np.array([[True, True, True, False, True]])
    assert slots_told(most_used(posterior, posterior, enough, fits, peak, CONFIG)).iloc[0] == ["morning"]
    assert slots_told(most_used(posterior, posterior, enough, fits | True, peak, CONFIG)).iloc[0] == [
        "morning",
        "evening",
    ]


def test_hours_add_up_to_times_of_day():
    world = academy(10)
    found = habits(world.input(), CONFIG)
    assert (found.timing.hours @ SLOT_OF == found.timing.sessions).all()
    assert found.timing.share.sum(axis=1) == pytest.approx(np.ones(10))


def test_nobody_timed_is_nobody_told():
    world = World()
    for number in range(8):
        world.student(f"s{number}")
        world.plan(f"s{number}", range(1, 60))
    assert patterns(world.input())["preferred_study_times"].map(len).sum() == 0


def test_a_cohort_never_says_what_the_student_does_not():
    world = academy(30)
    world.student("anywhen")
    for hour in (6, 9, 14, 18, 22):
        world.study("anywhen", range(hour, hour + 8), hour=hour)
    world.student("lark")
    world.study("lark", range(1, 12), hour=9)
    rows = patterns(world.input()).set_index("student_id")
    assert rows.loc["anywhen", "preferred_study_times"] == []
    assert rows.loc["anywhen", "peak_productivity_hours"] == []
    assert "evening" not in rows.loc["lark", "preferred_study_times"]


def test_what_only_the_cohort_says_is_not_told():
    own = np.array([[5.0, 5, 5, 5, 5], [1, 1, 1, 9, 1]])
    posterior = own + np.array([0.5, 0.5, 0.5, 20, 0.5])
    everything = np.ones(own.shape, dtype=bool)
    told = most_used(posterior, own, everything[:, 0], everything, np.array([18, 18]), CONFIG)
    assert slots_told(told).tolist() == [[], ["evening"]]


@pytest.mark.parametrize(("peak", "expected"), [(16, ["afternoon", "evening"]), (18, ["evening", "afternoon"])])
def test_of_two_times_that_of_the_peak_comes_first(peak, expected):
    counts = np.array([[1.0, 1, 20, 21, 1]])
    enough = np.ones(1, dtype=bool)
    told = most_used(counts, counts, enough, np.ones((1, 5), dtype=bool), np.array([peak]), CONFIG)
    assert slots_told(told).iloc[0] == expected
