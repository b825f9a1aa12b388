"""Replay: what an earlier day is told is what was known on it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.score_prediction.inputs import SERIES, ScorePredictionInput, known_scores
from ml_assets.score_prediction.level1 import fit_level1
from ml_assets.score_prediction.replay import FEATURES, described, next_exams, replay
from tests.ml_assets.score_prediction.conftest import FEW_REPLAYS
from tests.ml_assets.score_prediction.worlds import AS_OF, Made, effort_of, frames_of, made_input

LENGTH = 180.0
DAYS = [pd.Timestamp(AS_OF) - pd.Timedelta(days=56 * back) for back in range(6, 0, -1)]
TOLD = [*FEATURES, "exam_variance", "is_new_exam", "past", "form", "other_kind", "noise"]


def busy_input() -> ScorePredictionInput:
    """A class in which scores come in on the very days that are replayed, early and late."""
    inputs = made_input(Made(students=60, mocks=(("04-09", "kice"), ("05-28", "kice"), ("09-03", "csat"))))
    rng = np.random.default_rng(3)
    moved = rng.random(len(inputs.scores)) < 0.3
    dates = pd.to_datetime(rng.choice(DAYS, len(inputs.scores)))
    near = moved & (np.abs((inputs.scores["exam_date"] - dates).dt.days) < 120).to_numpy()
    scores = inputs.scores.assign(known_date=inputs.scores["known_date"].where(~near, dates))
    # Some plan for the first time only after most of these days.
    effort = effort_of(inputs.scores, AS_OF, weeks=90)
    is_late = effort["student_id"].isin(["s0001", "s0002", "s0003"]) & (effort["week_start"] < DAYS[-2])
    return replace(inputs, scores=scores, effort=effort[~is_late])


@pytest.fixture(scope="module")
def inputs() -> ScorePredictionInput:
    return busy_input()


@pytest.fixture(scope="module")
def rows(inputs: ScorePredictionInput) -> pd.DataFrame:
    return replay(inputs, FEW_REPLAYS, LENGTH)


def test_a_day_is_told_what_a_run_on_that_day_would_have_known(
    inputs: ScorePredictionInput, rows: pd.DataFrame
) -> None:
    assert rows["origin"].nunique() >= 4
    for day in rows["origin"].unique():
        frames = frames_of(inputs)
        then = ScorePredictionInput(
            as_of=day.date(),
            students=frames["students"],
            scores=frames["scores"][frames["scores"]["known_date"] < day],
            effort=frames["effort"][frames["effort"]["week_start"] < day],
            courses=frames["courses"],
        )
        asked = next_exams(inputs.known, day, FEW_REPLAYS.horizon_days)
        level = fit_level1(then.known, day, FEW_REPLAYS, LENGTH)
        expected = described(level, then.known, asked, then.recent_effort, day)
        found = rows[rows["origin"] == day].reset_index(drop=True)
        pd.testing.assert_frame_equal(found[TOLD], expected[TOLD], check_exact=True, check_dtype=False)
        np.testing.assert_array_equal(found["shrunken_place"], level.shrunken(then.known, asked))


def test_other_scores_from_a_day_on_change_nothing_that_it_was_told(
    inputs: ScorePredictionInput, rows: pd.DataFrame
) -> None:
    """Everything known from the day on is turned upside down, and every week's effort too."""
    day = DAYS[3]
    scores, effort = inputs.scores, inputs.effort
    since, weeks = scores["known_date"] >= day, effort["week_start"] >= day
    assert (scores["known_date"] == day).any()
    other = ScorePredictionInput(
        as_of=inputs.as_of,
        students=inputs.students,
        scores=scores.assign(
            percentile=scores["percentile"].where(~since, 100 - scores["percentile"]),
            raw_score=scores["raw_score"].where(~since, 100 - scores["raw_score"]),
        ),
        effort=effort.assign(done_count=effort["done_count"].where(~weeks, 50 - effort["done_count"])),
        courses=inputs.courses,
    )
    again = replay(other, FEW_REPLAYS, LENGTH)
    until = rows["origin"] <= day
    assert until.sum() > 100
    pd.testing.assert_frame_equal(again.loc[until, TOLD], rows.loc[until, TOLD], check_exact=True)
    assert not np.allclose(again.loc[until, "value"], rows.loc[until, "value"])
    assert not np.allclose(again.loc[~until, "place"], rows.loc[~until, "place"])


def test_history_is_as_counted(inputs: ScorePredictionInput, rows: pd.DataFrame) -> None:
    day = rows["origin"].max()
    known = inputs.known[inputs.known["known_date"] < day]
    level = fit_level1(known, day, FEW_REPLAYS, LENGTH)
    past = known.assign(place=level.places(known))
    for row in rows[rows["origin"] == day].sample(40, random_state=0).itertuples():
        mine = past[past["student_id"] == row.student_id]
        group = mine[mine["subject_group"] == row.subject_group]
        of_type = mine[(mine["exam_kind"] == row.exam_kind) & (mine["exam_type"] == row.exam_type)]
        assert row.past_count == (group["exam_kind"] == row.exam_kind).sum()
        assert (row.group_count, row.student_count) == (len(group), len(mine))
        np.testing.assert_allclose(row.student_mean, mine["place"].mean())
        np.testing.assert_allclose(row.group_mean, group["place"].mean())
        np.testing.assert_allclose(row.type_mean, of_type["place"].mean())
        last = [*group.sort_values(["day", "score_id"])["place"].tolist()[::-1], *[np.nan] * 3][:3]
        np.testing.assert_allclose([row.last_place, row.second_last_place, row.third_last_place], last)
        np.testing.assert_allclose(row.trend, last[0] - group["place"].mean())
        np.testing.assert_allclose(row.days_since_last, (day - group["day"].max()).days)
        assert row.days_ahead == (row.exam_date - day).days >= 0


exams = st.tuples(
    st.sampled_from("ab"), st.sampled_from(["mock", "internal"]), st.integers(-40, 500), st.integers(-40, 500)
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(exams, max_size=12))
def test_the_next_exam_is_the_first_handed_in_of_those_to_come(rows: list[tuple[str, str, int, int]]) -> None:
    day = pd.Timestamp("2026-03-02")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(["student_id", "exam_kind"])}
    scores = pd.DataFrame({**columns, "subject_group": "수학", "score_id": [f"x{n:02}" for n in range(len(rows))]})
    for name, place in (("exam_date", 2), ("known_date", 3)):
        scores[name] = day + pd.to_timedelta([float(row[place]) for row in rows], unit="D")
    scores["day"] = scores[["exam_date", "known_date"]].min(axis=1)
    found = next_exams(scores.sample(frac=1, random_state=1), day, 365)
    expected = {}
    for number, (student, kind, exam, known) in sorted(
        enumerate(rows), key=lambda item: (min(item[1][2:]), item[1][2], item[0])
    ):
        if 0 <= exam < 365 and known >= 0:
            expected.setdefault((student, kind), f"x{number:02}")
    assert dict(zip(zip(found["student_id"], found["exam_kind"], strict=True), found["score_id"], strict=True)) == (
        expected
    )


def test_a_score_entered_late_is_not_next(inputs: ScorePredictionInput) -> None:
    day = DAYS[3]
    late = inputs.scores.head(1).assign(exam_date=day - pd.Timedelta(days=1), known_date=day + pd.Timedelta(days=3))
    assert next_exams(known_scores(late), day, 365).empty
    ahead = late.assign(exam_date=day)
    assert len(next_exams(known_scores(ahead), day, 365)) == 1
    assert next_exams(known_scores(ahead.assign(known_date=day - pd.Timedelta(days=1))), day, 365).empty


def test_replays_have_one_row_a_series_and_day(rows: pd.DataFrame) -> None:
    assert not rows.duplicated([*SERIES, "origin"]).any()
    assert (rows["exam_date"] >= rows["origin"]).all()
    assert (rows["known_date"] >= rows["origin"]).all()
    assert set(rows["origin"]) <= set(DAYS)


def test_too_little_to_replay_has_the_same_columns(inputs: ScorePredictionInput, rows: pd.DataFrame) -> None:
    few = replay(replace(inputs, scores=inputs.scores.tail(5)), FEW_REPLAYS, LENGTH)
    assert few.empty
    assert list(few.columns) == list(rows.columns)
