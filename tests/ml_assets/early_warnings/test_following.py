"""The two joins, against answers by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.early_warnings.following import days_to_event, days_warned
from tests.ml_assets.early_warnings.worlds import day

HORIZON = 28
rows = st.lists(st.tuples(st.sampled_from(["s1", "s2"]), st.integers(0, 80)), max_size=8)


def frame(pairs: list[tuple[str, int]], name: str) -> pd.DataFrame:
    made = pd.DataFrame(pairs, columns=["student_id", "number"]).astype({"student_id": "str", "number": "int64"})
    when = pd.to_datetime([day(number) for number in made["number"]]).astype("datetime64[s]")
    return made.assign(**{name: when}).set_index(made.index + 7)


def test_an_event_counts_from_the_same_day_to_the_28th() -> None:
    for gap, expected in ((-1, np.nan), (0, 0.0), (27, 27.0), (28, np.nan)):
        alerts, events = frame([("s1", 10)], "date"), frame([("s1", 10 + gap), ("s2", 10)], "event_date")
        np.testing.assert_equal(days_to_event(alerts, events, ["student_id"], HORIZON).tolist(), [expected])
        np.testing.assert_equal(days_warned(events, alerts, ["student_id"], HORIZON).tolist(), [expected, np.nan])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows, rows)
def test_they_agree_with_looking_at_every_pair(alerts: list[tuple[str, int]], events: list[tuple[str, int]]) -> None:
    told = days_to_event(frame(alerts, "date"), frame(events, "event_date"), ["student_id"], HORIZON)
    warned = days_warned(frame(events, "event_date"), frame(alerts, "date"), ["student_id"], HORIZON)

    def counts(one: tuple[str, int], other: tuple[str, int]) -> bool:
        return one[0] == other[0] and 0 <= other[1] - one[1] < HORIZON

    next_event = [min((e[1] - a[1] for e in events if counts(a, e)), default=np.nan) for a in alerts]
    first_alert = [max((e[1] - a[1] for a in alerts if counts(a, e)), default=np.nan) for e in events]
    np.testing.assert_equal(told.tolist(), next_event)
    np.testing.assert_equal(warned.tolist(), first_alert)
    assert list(told.index) == [7 + place for place in range(len(alerts))]
