"""Effort: sums and ranks as counted by hand, and nothing of a week that is not over."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.score_prediction.effort import FEATURES, Effort

MONDAY = pd.Timestamp("2026-09-07")
COLUMNS = ["student_id", "subject_group", "week_start", "planned_count", "done_count", "carried_over_count"]


def frame(*rows: tuple[str, str, int, int, int, int, float | None]) -> pd.DataFrame:
    """Rows of student, group, weeks before MONDAY, planned, done, carried over and seconds."""
    table = pd.DataFrame(rows, columns=[*COLUMNS, "net_seconds"])
    table["week_start"] = MONDAY - pd.to_timedelta(table["week_start"].astype(float) * 7, unit="D")
    return table.astype({"net_seconds": "float64"})


def of(effort: Effort, rows: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Features of each of `rows`, as a prediction takes them."""
    return rows.join(effort.before(day), on=["student_id", "subject_group"])[list(FEATURES)]


def asked(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["student_id", "subject_group"])


def test_known_answers() -> None:
    effort = Effort.of(
        frame(
            ("a", "수학", 1, 4, 2, 1, 600.0),
            ("a", "수학", 4, 4, 4, 0, None),
            ("a", "수학", 5, 9, 9, 0, None),
            ("b", "수학", 3, 2, 1, 1, None),
            ("c", "수학", 2, 0, 0, 0, 1200.0),
            ("a", "국어", 2, 1, 0, 0, None),
        )
    )
    found = of(effort, asked(("a", "수학"), ("b", "수학"), ("c", "수학"), ("d", "수학"), ("a", "국어")), MONDAY)
    # a did 2 in two weeks, b and c nothing: c and b share the places 1 and 2 of three.
    np.testing.assert_array_equal(found["done_rank_2w"], [1, 0.5, 0.5, np.nan, 1])
    np.testing.assert_array_equal(found["done_rank_4w"], [1, 2 / 3, 1 / 3, np.nan, 1])
    np.testing.assert_array_equal(found["completion_4w"], [6 / 8, 1 / 2, np.nan, np.nan, 0])
    np.testing.assert_array_equal(found["carried_over_4w"], [1 / 8, 1 / 2, np.nan, np.nan, 0])
    # Of two who were timed in these weeks.
    np.testing.assert_array_equal(found["minutes_rank_4w"], [0.5, np.nan, 1, np.nan, np.nan])
    np.testing.assert_array_equal(found["weeks_since_active"], [1, 3, 2, np.nan, 2])


weeks = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from(["국어", "수학"]),
    st.integers(-3, 14),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(0, 5),
    st.one_of(st.none(), st.floats(0, 9000)),
)
logs = st.lists(weeks, max_size=40, unique_by=lambda row: row[:3])
EVERYONE = asked(*((student, group) for student in "abcde" for group in ("국어", "수학", "영어")))


def counted(rows: list, student: str, group: str, ago: int, window: int, column: int) -> float:
    """Sum of a column over the `window` weeks that were over `ago` weeks before MONDAY."""
    own = [row for row in rows if row[:2] == (student, group) and ago < row[2] <= ago + window]
    return float(sum(row[column] or 0 for row in own))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(logs, st.integers(0, 3), st.integers(0, 6))
def test_every_feature_as_counted(rows: list, ago: int, weekday: int) -> None:
    day = MONDAY - pd.Timedelta(weeks=ago) + pd.Timedelta(days=weekday)
    found = of(Effort.of(frame(*rows)), EVERYONE, day)
    assert list(found.columns) == list(FEATURES)
    planners = {row[:2] for row in rows if row[2] > ago}
    for place, (student, group) in enumerate(EVERYONE.itertuples(index=False, name=None)):
        answer = found.iloc[place]
        if (student, group) not in planners:
            assert answer.isna().all()
            continue
        peers = sorted(who for who, what in planners if what == group)
        for window in (2, 4, 12):
            done = {who: counted(rows, who, group, ago, window, 4) for who in peers}
            below = sum(value < done[student] for value in done.values())
            same = sum(value == done[student] for value in done.values())
            np.testing.assert_allclose(answer[f"done_rank_{window}w"], (below + (same + 1) / 2) / len(peers))
        planned = counted(rows, student, group, ago, 4, 3)
        for name, column in (("completion_4w", 4), ("carried_over_4w", 5)):
            share = counted(rows, student, group, ago, 4, column) / planned if planned else np.nan
            np.testing.assert_allclose(answer[name], share)
        past = [row[2] - ago for row in rows if row[:2] == (student, group) and row[2] > ago]
        np.testing.assert_array_equal(answer["weeks_since_active"], min(past) if past else np.nan)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(logs, st.integers(0, 6))
def test_weeks_that_are_not_over_play_no_part(rows: list, weekday: int) -> None:
    """Nor is anybody a peer who will plan something only then."""
    day = MONDAY + pd.Timedelta(days=weekday)
    over, later = ([row for row in rows if (row[2] > 0) == is_over] for is_over in (True, False))
    before, after = (of(Effort.of(frame(*over, *more)), EVERYONE, day) for more in ([], later))
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_nothing_planned_at_all() -> None:
    found = of(Effort.of(frame()), EVERYONE, MONDAY)
    assert found.isna().all(axis=None)
    assert len(found) == len(EVERYONE)
    assert of(Effort.of(frame(("a", "수학", 1, 1, 1, 0, None))), EVERYONE.iloc[:0], MONDAY).empty
