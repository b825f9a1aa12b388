from __future__ import annotations

import numpy as np
import pytest

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.series import Series, daily_series
from tests.ml_assets.learning_patterns.worlds import AS_OF, World

CONFIG = LearningPatternConfig()


def series(world: World, **changes: int) -> Series:
    inputs = world.input()
    config = LearningPatternConfig(**changes)
    parts = list(daily_series(inputs.daily, inputs.students["student_id"], AS_OF, config))
    return Series(
        *(np.concatenate([getattr(own, name) for own in parts]) for name in ("students", "days", "is_minutes"))
    )


def one(name: str = "s") -> World:
    world = World()
    world.student(name)
    return world


def test_checkboxes_are_counted_as_completions_and_never_as_zero_minutes():
    world = one()
    world.plan("s", range(1, 70))
    found = series(world)
    assert found.is_minutes.tolist() == [False]
    assert np.nansum(found.days[0]) == 63  # nine whole weeks
    assert found.weeks.tolist() == [9]


def test_a_student_who_times_nearly_everything_has_the_usual_minutes_on_a_day_without():
    world = one()
    world.plan("s", range(1, 71))
    world.study("s", [day for day in range(1, 71) if day != 10], minutes=40)
    found = series(world)
    assert found.is_minutes.tolist() == [True]
    assert found.days[0, -10] == pytest.approx(40)


def test_a_day_of_which_only_a_part_was_timed_is_not_a_short_day():
    world = one()
    world.plan("s", [day for day in range(1, 71) for _ in range(3)])
    world.study("s", range(1, 71), minutes=40)
    assert series(world).is_minutes.tolist() == [False]


def test_a_day_without_anything_is_zero():
    world = one()
    world.study("s", [day for day in range(1, 71) if day % 7], minutes=40)
    found = series(world)
    assert found.days[0, -7] == 0
    assert found.days[0, -1] == 40


def test_returning_after_a_year_begins_a_new_stretch():
    world = one()
    world.study("s", range(400, 500))
    world.study("s", range(1, 60))
    assert series(world).weeks.tolist() == [8]


def test_who_stopped_long_ago_has_no_stretch():
    world = one()
    world.study("s", range(40, 200))
    assert series(world).weeks.tolist() == [0]


def test_students_at_a_time_do_not_change_the_series():
    world = World()
    for number in range(7):
        world.student(f"s{number}")
        if number != 3:
            world.plan(f"s{number}", range(1, 30 + 10 * number))
    whole, parts = series(world), series(world, series_chunk=2)
    np.testing.assert_array_equal(whole.days, parts.days)
    np.testing.assert_array_equal(whole.students, parts.students)
