"""What came of a student: every event by its definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.outlook import outcomes
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.features import student_features, subject_features
from ml_assets.outlook.history import History
from tests.ml_assets.outlook.worlds import TODAY, World

CONFIG = OutlookConfig()
never = np.nan


def one_student(*days: int, withdrawn: float = never) -> World:
    world = World()
    world.student("s", withdrawn=withdrawn)
    world.active("s", *days)
    return world


def rows_of(world: World, known: int = 60) -> tuple[History, pd.DataFrame]:
    inputs = world.at(known)
    history = History.of(inputs)
    return history, student_features(history, inputs, np.array([TODAY]))


def outcome(world: World, name: str) -> float:
    history, rows = rows_of(world)
    (found,) = outcomes.QUESTIONS[name].outcome(history, rows, CONFIG)
    return float(found)


def is_asked(world: World, name: str, known: int = 60) -> bool:
    _, rows = rows_of(world, known)
    (found,) = outcomes.QUESTIONS[name].asked(rows, CONFIG)
    return bool(found)


def enrolled(*cancelled: float) -> World:
    world = one_student(-1, *range(60))
    for day in cancelled:
        world.enrol("s", -50, 100, day)
    return world


SILENCE = {
    "four weeks without anything": (one_student(-1, *range(14), 42, 43), 1),
    "nothing ever again": (one_student(-1), 1),
    "once on the first day": (one_student(-1, 14), 0),
    "once on the last day": (one_student(-1, 41), 0),
    "a holiday of two weeks": (one_student(-1, *range(15, 30)), 0),
    "a holiday of two weeks in the middle": (one_student(-1, *range(14), 28), 0),
    "withdrawn within four weeks": (one_student(*range(-1, 60), withdrawn=27), 1),
    "withdrawn after four weeks": (one_student(*range(-1, 60), withdrawn=28), 0),
    "withdrawn on the day": (one_student(*range(-1, 60), withdrawn=0), 1),
    "one enrolment cancelled": (enrolled(10), 1),
    "all enrolments cancelled": (enrolled(27, 10), 1),
    "one of two": (enrolled(10, never), 0),
    "the other one later": (enrolled(10, 28), 0),
    "cancelled on the day": (enrolled(0), 1),
    "never cancelled": (enrolled(never, never), 0),
}


@pytest.mark.parametrize(("world", "expected"), SILENCE.values(), ids=SILENCE)
def test_silence(world: World, expected: int) -> None:
    assert outcome(world, outcomes.SILENCE) == expected


def test_time_without_ticks_is_no_silence() -> None:
    world = one_student(-1)
    world.item("s", 20, 20, seconds=60)
    inputs = world.at(60)
    daily = inputs.daily.assign(ticked_count=0.0)
    history = History.of(type(inputs)(**{**vars(inputs), "daily": daily}))
    assert history.active.day.tolist() == [TODAY + 20]


def test_who_can_fall_silent() -> None:
    assert is_asked(one_student(-28), outcomes.SILENCE)
    assert not is_asked(one_student(-29), outcomes.SILENCE)
    for end, expected in ((42, True), (41, False)):
        world = one_student(-1)
        world.enrol("s", -50, end)
        assert is_asked(world, outcomes.SILENCE) is expected
    assert not is_asked(enrolled(-1), outcomes.SILENCE), "all was cancelled"
    assert is_asked(enrolled(0), outcomes.SILENCE)
    assert is_asked(enrolled(-1, never), outcomes.SILENCE)
    not_yet = one_student(-1)
    not_yet.enrol("s", 1, 100)
    assert is_asked(not_yet, outcomes.SILENCE), "who was never enrolled is asked about"


def week(*items: tuple[int, float], before: int = 4) -> World:
    """Items of the coming week, planned for a day and done on another; `before` of four were done in the weeks past."""
    world = one_student(-1)
    for number in range(4):
        world.item("s", -20, -20 if number < before else never)
    for planned, done in items:
        world.item("s", planned, done)
    return world


WEEK = {
    "all": (week((0, 0), (1, 1), (6, 6)), 1),
    "late by six days": (week((0, 6), (6, 12), (3, 3)), 1),
    "late by a week": (week((0, 7), (6, 13), (3, 3)), 1 / 3),
    "before and after the week": (week((-1, never), (0, 0), (1, never), (2, 2), (7, never)), 2 / 3),
    "too few": (week((0, 0), (1, never)), np.nan),
    "none": (week(), np.nan),
}


@pytest.mark.parametrize(("world", "expected"), WEEK.values(), ids=WEEK)
def test_week_completion(world: World, expected: float) -> None:
    assert outcome(world, outcomes.WEEK) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("done", "before", "expected"), [(2, 4, 1), (3, 4, 0), (1, 2, 1), (2, 2, 0), (0, 0, 0)]
)  # fmt: skip
def test_completion_drop(done: int, before: int, expected: int) -> None:
    """Below 70 % of one's own: 2 of 4 after 4 of 4 is, 3 of 4 is not; 2 of 4 after 2 of 4 is not."""
    items = [(day, day if day < done else never) for day in range(4)]
    assert outcome(week(*items, before=before), outcomes.DROP) == expected


def test_overload_and_drop_are_unknown_where_the_week_is() -> None:
    for name in (outcomes.DROP, outcomes.OVERLOAD):
        assert np.isnan(outcome(week((0, 0)), name))


@pytest.mark.parametrize(("done", "expected"), [(0, 1), (1, 1), (2, 0), (4, 0)])
def test_overload(done: int, expected: int) -> None:
    items = [(day, day if day < done else never) for day in range(4)]
    assert outcome(week(*items), outcomes.OVERLOAD) == expected


def test_who_can_drop() -> None:
    for before, expected in ((4, True), (2, True), (1, False)):
        assert is_asked(week(before=before), outcomes.DROP) is expected
    assert not is_asked(one_student(-1), outcomes.DROP), "nothing to drop from"
    inactive = one_student()
    for day in (-29, -30, -31):
        inactive.active("s", day)
    assert not is_asked(inactive, outcomes.DROP)
    assert not is_asked(inactive, outcomes.WEEK)


@pytest.mark.parametrize(("days", "expected"), [([0], 0), ([6], 0), ([7], 1), ([], 1)])
def test_idle_week(days: list[int], expected: int) -> None:
    assert outcome(one_student(-1, *days), outcomes.IDLE) == expected


@pytest.mark.parametrize(
    ("planned", "done", "expected"), [(4, 1, 1.0), (4, 2, 0.0), (4, 4, 0.0), (2, 0, np.nan), (3, 1, 1.0)]
)
def test_subject_struggle(planned: int, done: int, expected: float) -> None:
    world = one_student(-1)
    for number in range(planned):
        # The Sunday of the fourth week is in it; late by a day is in another week.
        world.item("s", 27, 27 if number < done else 28)
    world.item("s", 28)
    inputs = world.at(60)
    rows = subject_features(History.of(inputs), inputs, np.array([TODAY]))
    np.testing.assert_equal(outcomes.subject_struggle(rows, CONFIG).tolist(), [expected])


def test_days_after_which_it_is_known() -> None:
    found = {name: question.settled_days(CONFIG) for name, question in outcomes.QUESTIONS.items()}
    assert found == {
        "burnout_risk": 42, "weekly_completion": 14, "completion_drop": 14, "streak_break": 7, "overload": 14,
    }  # fmt: skip
