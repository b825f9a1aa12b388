from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning_patterns.changes import best_split, change_points
from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.series import Series, daily_series
from ml_assets.learning_patterns.texts import change_texts
from tests.ml_assets.learning_patterns.worlds import AS_OF, World

CONFIG = LearningPatternConfig()


def noise(rows: int, weeks: int, seed: int = 0, sd: float = 30, alike: float = 0.0) -> np.ndarray:
    """Days of `weeks` weeks about 100 minutes; the means of neighbouring weeks are correlated by `alike`."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 1, (rows, weeks))
    level = np.zeros((rows, weeks))
    level[:, 0] = steps[:, 0]
    for week in range(1, weeks):
        level[:, week] = alike * level[:, week - 1] + np.sqrt(1 - alike**2) * steps[:, week]
    # All of the weekly noise is in the week's level, so that the correlation is as said.
    return np.repeat(100 + sd / np.sqrt(7) * level, 7, axis=1)


def series_of(days: np.ndarray, is_minutes: bool = True) -> Series:
    padded = np.full((len(days), CONFIG.history_days), np.nan)
    padded[:, -days.shape[1] :] = days
    return Series(np.arange(len(days)), padded, np.full(len(days), is_minutes))


def test_forty_minutes_less_since_a_day():
    world = World()
    world.student("s")
    before, after = range(57, 127), range(1, 57)
    rng = np.random.default_rng(0)
    world.sessions += [("s", day, 18, 100 + rng.normal(0, 10)) for day in before]
    world.sessions += [("s", day, 18, 60 + rng.normal(0, 10)) for day in after]
    inputs = world.input()
    (series,) = daily_series(inputs.daily, inputs.students["student_id"], AS_OF, CONFIG)
    found = change_points(series, AS_OF, CONFIG)
    assert len(found) == 1
    assert found["kind"].iloc[0] == "minutes"
    assert found["first_day"].iloc[0] == pd.Timestamp("2026-09-02")
    assert found["before"].iloc[0] - found["after"].iloc[0] == pytest.approx(40, abs=4)
    (text,) = change_texts(found.assign(before=100.0, after=60.0), AS_OF)
    assert text == "9월 2일부터 하루 평균 40분 덜 공부하고 있습니다."


def test_checkboxes_change_in_completions():
    world = World()
    world.student("s")
    world.plan("s", range(1, 57))
    world.plan("s", [day for day in range(57, 127) for _ in range(2)])
    inputs = world.input()
    (series,) = daily_series(inputs.daily, inputs.students["student_id"], AS_OF, CONFIG)
    found = change_points(series, AS_OF, CONFIG)
    assert found["kind"].tolist() == ["completions"]
    assert (found["before"].iloc[0], found["after"].iloc[0]) == (14.0, 7.0)
    assert change_texts(found, AS_OF)[0] == "9월 2일부터 주당 완료한 계획이 7개 줄었습니다."


def test_two_changes_are_told_in_order_and_the_first_as_past():
    days = noise(1, 30, sd=20)
    days[:, 70:140] += 60
    found = change_points(series_of(days), AS_OF, CONFIG)
    assert len(found) == 2
    first, second = change_texts(found, AS_OF)
    assert first == "6월 10일부터 8월 18일까지는 그 전보다 하루 평균 {}분 더 공부했습니다.".format(
        round(found["after"].iloc[0] - found["before"].iloc[0])
    )
    assert second.startswith("8월 19일부터 하루 평균 ")
    assert second.endswith("분 덜 공부하고 있습니다.")


def test_another_year_is_named():
    found = pd.DataFrame(
        {
            "kind": ["completions"] * 2,
            "first_day": pd.to_datetime(["2025-12-01", "2026-03-02"]),
            "last_day": [pd.Timestamp("2026-03-01"), pd.NaT],
            "before": [5.0, 9.4],
            "after": [9.4, 5.0],
        }
    )
    assert list(change_texts(found, AS_OF)) == [
        "2025년 12월 1일부터 3월 1일까지는 그 전보다 주당 완료한 계획이 4개 많았습니다.",
        "3월 2일부터 주당 완료한 계획이 4개 줄었습니다.",
    ]


@pytest.mark.parametrize("weeks", [8, 12, 26, 78])
@pytest.mark.parametrize(("alike", "most"), [(0.0, CONFIG.change_false_alarms), (0.3, 0.03)])
def test_noise_is_told_as_a_change_no_oftener_than_said(weeks, alike, most):
    """With nothing but noise at most the stated share is told; a little more where weeks resemble their neighbours."""
    config = LearningPatternConfig(change_min_minutes=0.0)
    days = noise(4000, weeks, seed=weeks, alike=alike)
    found = change_points(series_of(days), AS_OF, config)
    # Three standard errors of a share of 4 000.
    assert found["student"].nunique() / 4000 <= most + 3 * np.sqrt(most / 4000)


def test_a_real_change_of_the_size_of_two_deviations_is_mostly_found():
    days = noise(500, 26)
    days[:, 91:] += 2 * 30 / np.sqrt(7)
    found = change_points(series_of(days), AS_OF, LearningPatternConfig(change_min_minutes=0.0))
    assert found["student"].nunique() / 500 > 0.7


def test_a_change_too_small_to_matter_is_not_told():
    days = np.full((1, 182), 60.0)
    days[:, 91:] = 65.0
    assert change_points(series_of(days), AS_OF, CONFIG).empty
    days[:, 91:] = 75.0
    assert len(change_points(series_of(days), AS_OF, CONFIG)) == 1


def test_a_few_weeks_say_nothing():
    days = np.full((1, 49), 60.0)
    days[:, 25:] = 200.0
    assert change_points(series_of(days), AS_OF, CONFIG).empty


def test_the_split_is_the_one_of_least_squares():
    rng = np.random.default_rng(3)
    weeks = rng.normal(0, 1, (50, 20))
    found = best_split(weeks, np.zeros(50, dtype=np.int64), np.full(50, 20), CONFIG)
    for row, at in enumerate(found.week):
        squares = {k: weeks[row, :k].var() * k + weeks[row, k:].var() * (20 - k) for k in range(4, 17)}
        assert at == min(squares, key=squares.__getitem__)
        assert found.before[row] == pytest.approx(weeks[row, :at].mean())
