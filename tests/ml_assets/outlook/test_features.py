"""What is known of a student before a day: known answers, one feature after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.evidence import has_broken_streak
from ml_assets.outlook.features import (
    EXAM_FEATURES,
    FACTORS,
    STUDENT_FEATURES,
    SUBJECT_FEATURES,
    exam_features,
    mondays_before,
    student_features,
    subject_features,
    weekly_days,
)
from ml_assets.outlook.history import NEVER, History
from ml_assets.outlook.texts import FACTORS as FACTOR_NAMES
from tests.ml_assets.outlook.worlds import AS_OF, TODAY, World, features_at, features_of

log = np.log1p


def one_student(*days: int) -> World:
    world = World()
    world.student("s")
    world.active("s", *days)
    return world


def planned(*items: tuple[int, float]) -> World:
    """Items planned for a day and done on another, or never."""
    world = one_student(-90)
    for day, done in items:
        world.item("s", day, done)
    return world


def timed(*minutes: tuple[int, float, float]) -> World:
    """Minutes timed on a day, and how many of them late."""
    world = one_student(-1, -2)
    for day, total, late in minutes:
        world.item("s", day, day, seconds=60 * total, late_seconds=60 * late)
    return world


def carried() -> World:
    world = one_student(-2, -3, -28, -29)
    world.item("s", -28, carried=True)
    world.item("s", -29, carried=True)
    return world


def scored(*scores: tuple[int, float]) -> World:
    world = one_student(-1)
    for day, percentile in scores:
        world.score("s", day, percentile)
    return world


def enrolled(*spans: tuple[int, int, float]) -> World:
    world = one_student(-1)
    for span in spans:
        world.enrol("s", *span)
    return world


never = np.nan
KNOWN: dict[str, tuple[World, str, float]] = {
    "active yesterday": (one_student(-1, -9), "days_since_active", 1),
    "active long ago": (one_student(-200), "days_since_active", 200),
    "week": (one_student(-1, -7, -8), "active_7d", 2),
    "two weeks": (one_student(-14, -15), "active_14d", 1),
    "four weeks": (one_student(-28, -29), "active_28d", 1),
    "twelve weeks": (one_student(-84, -85), "active_84d", 1),
    "several a day are one day": (one_student(-1, -1, -1), "active_7d", 1),
    "done of a week": (one_student(-1, -1, -7, -8), "done_7d", log(3)),
    "done of two weeks": (one_student(-14, -13, -15), "done_14d", log(2)),
    "done of four weeks": (one_student(-28, -29), "done_28d", log(1)),
    "done late counts on its day": (planned((-40, -2)), "done_7d", log(1)),
    "done per active day": (one_student(-1, -1, -1, -5), "done_per_active_day", log(2)),
    "no active day": (one_student(-50), "done_per_active_day", 0),
    "more than two weeks before": (one_student(-1, -1, -1, -15), "done_change_14d", log(3) - log(1)),
    "less than four weeks before": (one_student(-1, -28, -29, -30, -56, -57), "done_change_28d", log(2) - log(3)),
    "on time": (planned((-3, -3), (-5, -4), (-6, never), (-7, -8), (-8, never)), "completion_7d", 2 / 4),
    "nothing planned": (one_student(-8), "completion_7d", np.nan),
    "late ticks of a week ago count": (planned((-8, -2), (-9, -2), (-10, never), (-3, -3)), "completion_28d", 1 / 3),
    "the last week is not yet settled": (planned((-7, -7), (-7, never)), "completion_28d", np.nan),
    "five weeks back": (planned((-35, -35), (-36, never)), "completion_28d", 1),
    "thirteen weeks back": (planned((-91, never), (-92, -92), (-7, -7)), "completion_84d", 1 / 2),
    "carried over": (carried(), "carried_over_28d", 1 / 4),
    "minutes of a timed day": (timed((-1, 30, 0), (-1, 20, 0), (-28, 10, 0), (-29, 99, 0)), "minutes_per_day", log(30)),
    "minutes of who ticks only": (one_student(-1, -2), "minutes_per_day", np.nan),
    "fewer minutes": (timed((-1, 9, 0), (-29, 60, 0), (-84, 20, 0), (-85, 99, 0)), "minutes_change", log(9) - log(40)),
    "no minutes before": (timed((-1, 30, 0)), "minutes_change", np.nan),
    "late at night": (timed((-1, 30, 15), (-2, 10, 0), (-29, 60, 60)), "late_share", 15 / 40),
    "no time, not late": (one_student(-1), "late_share", np.nan),
    "exams": (scored((-1, 50), (-30, 60), (0, 10)), "exams", 2),
    "no exam": (one_student(-1), "exams", 0),
    "many exams are twelve": (scored(*[(day, 50.0) for day in range(-100, -80)]), "exams", 12),
    "days since the exam": (scored((-20, 50), (-30, 60)), "days_since_exam", 20),
    "an exam of last year": (scored((-300, 50)), "days_since_exam", 90),
    "never an exam": (one_student(-1), "days_since_exam", np.nan),
    "percentile": (scored((-1, 50), (-30, 60), (-400, 100), (-2, np.nan)), "percentile", 70),
    "latest percentile": (scored((-10, 50), (-10, 60), (-30, 100)), "latest_percentile", 55),
    "latest has no place": (scored((-10, np.nan), (-30, 100)), "latest_percentile", np.nan),
    "no place": (scored((-10, np.nan)), "percentile", np.nan),
    "end": (enrolled((-10, 20, never), (-10, 9, never)), "days_to_end", 20),
    "a far end": (enrolled((-10, 300, never)), "days_to_end", 90),
    "no end": (one_student(-1), "days_to_end", np.nan),
    "enrolled": (enrolled((-9, 9, never), (0, 9, never), (1, 9, never), (-9, -1, never), (-9, 9, -1)), "enrolments", 2),
    "no enrolment": (one_student(-1), "enrolments", 0),
}  # fmt: skip


@pytest.mark.parametrize(("world", "name", "expected"), KNOWN.values(), ids=KNOWN)
def test_known_answers(world: World, name: str, expected: float) -> None:
    assert features_at(world).loc["s", name] == pytest.approx(expected, nan_ok=True)


def test_every_feature_has_a_known_answer_and_a_name() -> None:
    told = {name for _, name, _ in KNOWN.values()} | {
        "missed_exams_14d",
        "missed_exams_28d",
        "planned_ahead",
        "load_ratio",
    }
    assert told == set(STUDENT_FEATURES)
    assert set(FACTORS) <= set(FACTOR_NAMES)
    assert len(STUDENT_FEATURES) == len(set(STUDENT_FEATURES))


def test_who_has_a_row() -> None:
    world = one_student(-1)
    for name, withdrawn in (("never active", np.nan), ("left", -1), ("leaves", 0.0), ("only plans", np.nan)):
        world.student(name, withdrawn=withdrawn)
    world.active("left", -3)
    world.active("leaves", -3)
    world.item("only plans", -3)
    assert set(features_at(world).index) == {"s", "leaves"}
    assert set(features_at(world, -1, known=0).index) == {"left", "leaves"}, (
        "who leaves on a day is here before it begins"
    )
    assert set(features_at(world, 0, known=1).index) == {"s", "leaves"}
    assert set(features_at(world, 1).index) == {"s"}


def test_the_load_of_the_coming_week() -> None:
    """24 items of twelve weeks are two a week; six are planned for the coming one, one of them only on its Tuesday."""
    world = World()
    world.student("s")
    world.active("s", *range(-84, -60))
    for day in range(6):
        world.item("s", day, made=day - 3)
    world.item("s", 7)
    now = features_at(world).loc["s"]
    assert now["planned_ahead"] == pytest.approx(log(3))
    assert now["load_ratio"] == pytest.approx(3 / 2)
    then = features_at(world, 0, known=70).loc["s"]
    assert then[["planned_ahead", "load_ratio"]].tolist() == pytest.approx([log(3), 3 / 2])


def test_the_load_is_limited_and_unknown_without_a_usual_week() -> None:
    world = one_student(-1)
    for _ in range(100):
        world.item("s", 3)
    assert features_at(world).loc["s", "load_ratio"] == 5.0
    nothing_usual = one_student(-90)
    nothing_usual.item("s", 3)
    assert np.isnan(features_at(nothing_usual).loc["s", "load_ratio"])
    assert features_at(nothing_usual).loc["s", "planned_ahead"] == pytest.approx(log(1))
    assert features_at(one_student(-1)).loc["s", "load_ratio"] == 0.0


def course(learners: int, sitters: int, exam: int, known: int | None = None) -> World:
    """A course of so many learners, of whom the first few have a score of one exam."""
    world = World()
    for number in range(learners):
        name = f"s{number:02}"
        world.student(name)
        world.active(name, -1)
        world.enrol(name, -100, 100)
        world.course(name)
        if number < sitters:
            world.score(name, exam + 1 if known is None else known, 50, exam=exam)
    return world


def missed(world: World, day: int = 0) -> pd.DataFrame:
    return features_at(world, day)[["missed_exams_14d", "missed_exams_28d"]]


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (course(10, 5, -14), [1, 1]),
        (course(10, 5, -15), [0, 1]),
        (course(10, 5, -28), [0, 1]),
        (course(10, 5, -29), [0, 0]),
        (course(10, 4, -10), [0, 0]),  # too few have a score
        (course(16, 5, -10), [1, 1]),
        (course(17, 5, -10), [0, 0]),  # too few of so many
        (course(10, 5, -10, known=0), [0, 0]),
        (course(10, 5, -1, known=-1), [1, 1]),
        (course(10, 5, 0, known=-1), [0, 0]),
    ],
)  # fmt: skip
def test_missed_exams(world: World, expected: list[int]) -> None:
    found = missed(world)
    assert found.iloc[-1].tolist() == expected
    assert found.iloc[0].tolist() == [0, 0]


def test_an_exam_is_missed_by_learners_of_its_course_alone() -> None:
    world = course(10, 5, -10)
    for name, change in (("elsewhere", None), ("began later", 1), ("left the course", -1), ("other course", 0)):
        world.student(name)
        world.active(name, -1)
        if change is not None:
            world.course(name, "국어" if change == 0 else "수학", start=max(change, -100))
            world.enrol(name, -100, min(change, 0) if change < 0 else 100)
    found = missed(world)
    assert (found.loc[["elsewhere", "began later", "left the course", "other course"]] == 0).all(axis=None)
    assert found.loc["s09"].tolist() == [1, 1]


def test_two_exams_are_two() -> None:
    world = course(10, 5, -10)
    for number in range(5, 10):
        world.score(f"s{number:02}", -19, 50, exam=-20)
    assert missed(world).loc["s00"].tolist() == [0, 1]
    assert missed(world).loc["s09"].tolist() == [1, 1]


def test_a_score_without_a_course_is_of_no_exam() -> None:
    inputs = course(10, 5, -10).at()
    scores = inputs.scores.assign(subject_id=None)
    changed = type(inputs)(**{**vars(inputs), "scores": scores})
    assert (features_of(changed, 0)[["missed_exams_14d", "missed_exams_28d"]] == 0).all(axis=None)


def test_features_of_some_students_are_those_among_all() -> None:
    """A model may learn from some of the students: what they missed is still judged by the whole course."""
    inputs = course(17, 5, -10).at()
    some = inputs.students[inputs.students["student_id"] == "s16"]
    history = History.of(type(inputs)(**{**vars(inputs), "students": some}))
    found = student_features(history, inputs, np.array([TODAY]))
    everybody = student_features(History.of(inputs), inputs, np.array([TODAY]))
    np.testing.assert_array_equal(found[list(STUDENT_FEATURES)], everybody[list(STUDENT_FEATURES)].tail(1))


@pytest.mark.parametrize(
    ("days", "is_broken"),
    [
        ([-4, -3, -2], True),
        ([-9, -8, -7, -6, -2], False),
        ([-3, -2, -1], False),
        ([-5, -3, -2], False),
        ([-8, -7, -6, -5], True),
        ([-3, -2], False),
        ([-2], False),
    ],
)
def test_broken_streaks(days: list[int], is_broken: bool) -> None:
    world = one_student(*days)
    world.student("r")  # whose days lie beside those of s
    world.active("r", -4, -3, -2, -1)
    inputs = world.at()
    history = History.of(inputs)
    rows = student_features(history, inputs, np.array([TODAY]))
    assert has_broken_streak(history, rows, OutlookConfig()).tolist() == [False, is_broken]


def subjects() -> pd.DataFrame:
    world = World()
    world.student("s")
    for week, (maths, english) in {-13: (1, 1), -12: (0, 0), -5: (1, 0), -4: (1, 0), -1: (0, 1), 0: (1, 1)}.items():
        for group, done in (("수학", maths), ("영어", english)):
            for _ in range(2):
                world.item("s", 7 * week, 7 * week + 6 if done else np.nan, subject_group=group)
    world.item("s", -7, 1, subject_group="수학")
    world.item("s", -63, -63, subject_group="과학")
    world.score("s", -3, 40)
    world.score("s", -30, 60)
    world.score("s", -3, np.nan)
    world.score("s", 0, 100)
    inputs = world.at(28)
    history = History.of(inputs)
    return subject_features(history, inputs, np.array([TODAY])).set_index("subject_group")


SUBJECT_KNOWN = {
    "completion_4w": (2 / 5, 2 / 4),
    "completion_12w": (4 / 9, 2 / 8),
    "completion_change": (2 / 5 - 2 / 4, 2 / 4 - 0 / 4),
    "planned_4w": (log(5), log(4)),
    "planned_share": (9 / 18, 8 / 18),
    "other_completion_12w": (3 / 9, 5 / 10),
    "exams": (3, 0),
    "percentile": (50, np.nan),
    "planned_next": (2, 2),
    "done_next": (2, 2),
}


@pytest.mark.parametrize("name", SUBJECT_KNOWN)
def test_known_answers_of_subjects(name: str) -> None:
    """Who plans 과학 no more, for eight weeks, is not asked about it."""
    found = subjects()
    assert found.index.tolist() == ["수학", "영어"]
    assert found[name].tolist() == pytest.approx(list(SUBJECT_KNOWN[name]), nan_ok=True)
    assert set(SUBJECT_KNOWN) - {"planned_next", "done_next"} == set(SUBJECT_FEATURES)


def exams(*scores: tuple[int, float, str], day: int = 0, known: int = 56) -> pd.DataFrame:
    world = one_student(-1)
    for at, percentile, group in scores:
        world.score("s", at, percentile, subject_group=group)
    inputs = world.at(known)
    return exam_features(History.of(inputs), inputs, np.array([TODAY + day]), OutlookConfig())


TWO = [(-40, 50, "수학"), (-20, 70, "수학")]
LOW = [(-40, 20, "국어"), (-20, 20, "국어"), (20, 1, "국어")]
EXAM_KNOWN: dict[str, tuple[list[tuple[int, float, str]], dict[str, float]]] = {
    "above": ([*TWO, (20, 60, "수학")], {"kept": 1, "level": 60, "latest_gap": 10, "exams": 2}),
    "below": ([*TWO, (20, 59, "수학")], {"kept": 0, "spread": 10}),
    "the next one counts": ([*TWO, (20, 59, "수학"), (30, 99, "수학")], {"kept": 0}),
    "three": ([(-90, 0, "수학"), (-80, 60, "수학"), *TWO, (9, 60, "수학")], {"kept": 1, "level": 60, "exams": 4}),
    "nothing yet": (TWO, {"kept": np.nan, "level": 60}),
    "on the last day": ([*TWO, (55, 60, "수학")], {"kept": 1}),
    "too late": ([*TWO, (56, 60, "수학")], {"kept": np.nan}),
    "on the day itself": ([*TWO, (0, 60, "수학")], {"kept": 1, "exams": 2}),
    "a mean of a day": ([TWO[0], (-20, 60, "수학"), (-20, 80, "수학"), (9, 60, "수학")], {"kept": 1, "exams": 2}),
    "two series": ([*TWO, (20, 60, "수학"), *LOW], {"kept": 0.5, "level": 40, "latest_gap": 5}),
    "a series of one score": ([*TWO, (20, 60, "수학"), *LOW[1:]], {"kept": 1, "level": 60}),
    "no place": ([*TWO, (10, np.nan, "수학"), (20, 60, "수학")], {"kept": 1}),
}  # fmt: skip


@pytest.mark.parametrize(("scores", "expected"), EXAM_KNOWN.values(), ids=EXAM_KNOWN)
def test_known_answers_of_exams(scores: list[tuple[int, float, str]], expected: dict[str, float]) -> None:
    found = exams(*scores, known=70).iloc[0]
    assert found[list(expected)].tolist() == pytest.approx(list(expected.values()), nan_ok=True)


def test_one_score_is_no_level() -> None:
    assert exams((-20, 70, "수학"), (20, 60, "수학")).empty
    assert exams().empty
    inputs = one_student(-1).at()
    nothing = exam_features(History.of(inputs), inputs, np.zeros(0, dtype=np.int64), OutlookConfig())
    assert {"owner", "day", "kept"} | (set(EXAM_FEATURES) - set(STUDENT_FEATURES)) <= set(nothing.columns)


def test_days_asked_about() -> None:
    tuesday = AS_OF + pd.Timedelta(days=1).to_pytimedelta()
    assert (weekly_days(AS_OF, 2) - TODAY).tolist() == [-14, -7, 0]
    assert (mondays_before(AS_OF, 2) - TODAY).tolist() == [-14, -7, 0]
    assert (mondays_before(tuesday, 1) - TODAY).tolist() == [-7, 0]
    assert (weekly_days(tuesday, 1) - TODAY).tolist() == [-6, 1]


@pytest.mark.parametrize("build", [World, lambda: one_student(), lambda: one_student(-1)])
def test_little_or_nothing_is_known(build: Callable[[], World]) -> None:
    inputs = build().at()
    history = History.of(inputs)
    days = np.array([TODAY - 7, TODAY])
    assert len(student_features(history, inputs, days)) <= 1
    assert len(subject_features(history, inputs, days)) <= 1
    assert exam_features(history, inputs, days, OutlookConfig()).empty
    assert student_features(history, inputs, days[:0]).empty
    assert NEVER > TODAY
