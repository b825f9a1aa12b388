"""Windows over rows of students: the same as one would count by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.outlook.history import NEVER, History, Rows, day_number, day_numbers
from tests.ml_assets.outlook.worlds import TODAY, World

_rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(15_000, 15_040), st.one_of(st.none(), st.integers(-5, 50))), max_size=40
)
_asked = st.lists(
    st.tuples(st.integers(0, 5), st.integers(14_990, 15_045), st.integers(0, 60)), min_size=1, max_size=20
)


@settings(max_examples=100, deadline=None)
@given(_rows, _asked)
def test_windows_are_those_of_a_filter(
    rows: list[tuple[int, int, int | None]], asked: list[tuple[int, int, int]]
) -> None:
    frame = pd.DataFrame(rows, columns=["owner", "day", "value"]).astype({"owner": "int64", "day": "int64"})
    frame["value"] = frame["value"].astype("float64")
    index = Rows.of(frame["owner"].to_numpy(), frame["day"].to_numpy(), frame[["value"]])
    owner, since, length = (np.array(column, dtype=np.int64) for column in zip(*asked, strict=True))
    until = since + length
    for place, (own, first, last) in enumerate(zip(owner, since, until, strict=True)):
        found = frame[(frame["owner"] == own) & (frame["day"] >= first) & (frame["day"] < last)]
        before = frame[(frame["owner"] == own) & (frame["day"] < last)]["day"]
        assert index.count(owner, since, until)[place] == len(found)
        assert index.total("value", owner, since, until)[place] == found["value"].sum()
        np.testing.assert_equal(index.last_day(owner, until)[place], before.max() if len(before) else np.nan)


def test_rows_of_one_student_never_reach_into_the_next() -> None:
    """The last days that can be and the first ones lie beside each other."""
    values = pd.DataFrame({"value": [1.0, 10.0, 100.0]})
    rows = Rows.of(np.array([2, 0, 1]), np.array([0, NEVER - 1, NEVER]), values)
    owner = np.arange(4)
    start, end = np.zeros(4, dtype=np.int64), np.full(4, NEVER + 1)
    assert rows.total("value", owner, start, end).tolist() == [10.0, 100.0, 1.0, 0.0]
    assert rows.count(owner, start, end).tolist() == [1, 1, 1, 0]
    np.testing.assert_array_equal(rows.last_day(owner, end), [NEVER - 1, NEVER, 0, np.nan])
    np.testing.assert_array_equal(rows.last_day(owner, start), [np.nan] * 4)


def test_some_rows_are_still_in_order() -> None:
    rows = Rows.of(np.array([1, 0, 0]), np.array([5, 7, 6]), pd.DataFrame({"value": [1.0, 2.0, np.nan]}))
    some = rows.where(~np.isnan(rows.columns["value"]))
    assert some.owner.tolist() == [0, 1]
    assert some.day.tolist() == [7, 5]


def test_days() -> None:
    assert day_number("1970-01-02") == 1
    days = pd.Series(pd.to_datetime(["1970-01-03", None])).astype("datetime64[s]")
    assert day_numbers(days).tolist() == [2, NEVER]


def test_active_is_ticked_or_timed_and_timed_is_not_zero() -> None:
    world = World()
    world.student("timed")
    world.student("ticks")
    world.item("timed", -3, -3, seconds=60)
    world.item("ticks", -3, -3)
    world.item("ticks", -2)
    world.active("nobody knows", -1)
    history = History.of(world.at())
    assert history.student_ids.tolist() == ["ticks", "timed"]
    assert history.active.day.tolist() == [TODAY - 3, TODAY - 3]
    assert history.days.day.tolist() == [TODAY - 3, TODAY - 2, TODAY - 3]
    assert history.timed.owner.tolist() == [1]


def test_enrolments_that_run() -> None:
    world = World()
    for name in ("a", "b", "c"):
        world.student(name)
    world.enrol("a", -100, 20)
    world.enrol("a", -50, 90, cancelled=-10)
    world.enrol("b", -90, 30, cancelled=-5)
    world.enrol("b", -80, -3, cancelled=-7)
    world.enrol("c", 1, 90)
    history = History.of(world.at())

    def on(day: int) -> dict[str, list[float]]:
        found = history.enrolments(TODAY + day)
        return {
            history.student_ids[place]: [row["count"], row["end"] - TODAY, min(row["cancelled"] - TODAY, 999)]
            for place, row in found.iterrows()
        }

    assert on(-20) == {"a": [2, 90, 999], "b": [2, 30, -5]}
    assert on(-10) == {"a": [2, 90, 999], "b": [2, 30, -5]}, "what is cancelled on a day runs before it begins"
    assert on(-9) == {"a": [1, 20, 999], "b": [2, 30, -5]}
    assert on(-4) == {"a": [1, 20, 999]}
    assert on(20) == {"a": [1, 20, 999], "c": [1, 90, 999]}
    assert on(21) == {"c": [1, 90, 999]}
    assert history.had_enrolment(TODAY).tolist() == [True, True, False]
    owner, day = history.cancellations(TODAY)
    assert (owner.tolist(), (day - TODAY).tolist()) == ([1], [-5]), "a goes on in another, and so did b at -7"
    assert history.cancellations(TODAY - 5)[0].tolist() == []
