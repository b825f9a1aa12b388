"""Nothing that is known later changes what was known on a day, nor what came of it once that is settled."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_assets.outlook import outcomes
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.features import STUDENT_FEATURES, SUBJECT_FEATURES, exam_features, subject_features
from ml_assets.outlook.features import student_features as features
from ml_assets.outlook.history import Floats, History
from ml_assets.outlook.inputs import OutlookInput
from tests.ml_assets.outlook.worlds import TODAY, World, made_class

CONFIG = OutlookConfig()
KNOWN_THEN = [*STUDENT_FEATURES, "had_enrolment", "end"]
STUDENTS = 8

few_worlds = settings(max_examples=15, deadline=None, derandomize=True)
Event = tuple[str, int, int, int]
events = st.lists(
    st.tuples(
        st.sampled_from(["item", "tick", "score", "exam", "cancel", "withdraw", "enrol"]),
        st.integers(0, STUDENTS - 1),
        st.integers(0, 40),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=12,
)
"""What happens, to whom, how many days after the day in question, and how far from there."""


@cache
def base() -> World:
    world = made_class(students=STUDENTS, weeks=26, after=9, seed=3)
    for number in range(STUDENTS):
        world.enrol(f"s{number:03}", -250, 300)
    return world


def with_more(since: int, happened: list[Event]) -> World:
    """The class with more that happens on the day `since` or after it, whatever it is about."""
    world = base()
    many, items, scores = world.many.copy(), list(world.items), list(world.scores)
    students, enrolments = [dict(row) for row in world.students], [dict(row) for row in world.enrolments]
    undone = many.index[many["done"].isna() & (many["planned"] < since)]
    latest = many.loc[undone].sort_values("planned", kind="stable").index[::-1]
    for what, who, after, more in happened:
        name, day = f"s{who:03}", since + after
        if what == "item":
            items.append(
                {"student_id": name, "planned": day + more, "made": day, "done": day + more + 1, "seconds": 900}
            )
        elif what == "tick":
            # Of what was planned in the days before.
            many.loc[latest[who + more], "done"] = float(day)
        elif what == "score":
            scores.append(
                {"student_id": name, "known": day, "percentile": more, "exam": day - more, "subject_group": "국어"}
            )
        elif what == "exam":
            scores += [{"student_id": f"s{n:03}", "known": day, "percentile": 50, "exam": day - more} for n in range(6)]
        elif what == "cancel":
            for row in enrolments:
                if row["student_id"] == name and not row["cancelled"] < since:
                    row["cancelled"] = day
        elif what == "withdraw":
            for row in students:
                if row["student_id"] == name and not row["withdrawn"] < since:
                    row["withdrawn"] = day
        else:
            enrolments.append({"student_id": name, "start": day + 1, "end": day + 1 + more, "cancelled": np.nan})
    return replace(world, many=many, items=items, scores=scores, students=students, enrolments=enrolments)


def known_on(inputs: OutlookInput, day: int) -> list[pd.DataFrame]:
    """All features of a day: of students, of subjects and of series of exams."""
    history, days = History.of(inputs), np.array([TODAY + day])
    exams = exam_features(history, inputs, days, CONFIG)
    subjects = subject_features(history, inputs, days)
    return [
        features(history, inputs, days).set_index("owner")[KNOWN_THEN],
        subjects.set_index(["owner", "subject_group"])[list(SUBJECT_FEATURES)],
        exams.set_index("owner")[["latest_gap", "level", "spread", "exams"]],
    ]


@cache
def known_then(day: int) -> list[pd.DataFrame]:
    return known_on(base().at(day), day)


def check_features(later: OutlookInput, day: int) -> None:
    for then, found in zip(known_then(day), known_on(later, day), strict=True):
        assert len(then) >= STUDENTS - 3
        # Sums over one student begin where those of the one before end, so their last bits may differ.
        pd.testing.assert_frame_equal(found, then, rtol=1e-9)


def test_features_of_a_past_day_are_those_that_were_known_on_it() -> None:
    for day, later in ((-70, 0), (-35, 35), (-7, 0)):
        check_features(base().at(later), day)


@few_worlds
@given(events, st.sampled_from([(-35, 0), (-14, 28)]))
@example([(what, who, 0, 0) for who, what in enumerate(("withdraw", "cancel", "tick", "score", "exam"))], (-35, 0))
def test_what_happens_later_changes_no_feature(happened: list[Event], days: tuple[int, int]) -> None:
    day, later = days
    check_features(with_more(day, happened).at(later), day)


def came_of(inputs: OutlookInput, day: int, name: str) -> Floats:
    history, days = History.of(inputs), np.array([TODAY + day])
    if name == outcomes.STRUGGLE:
        return outcomes.subject_struggle(subject_features(history, inputs, days), CONFIG)
    if name == outcomes.READY:
        return exam_features(history, inputs, days, CONFIG)["kept"].to_numpy()
    rows = features(history, inputs, days)
    return outcomes.QUESTIONS[name].outcome(history, rows, CONFIG)


SETTLED = {
    **{name: question.settled_days(CONFIG) for name, question in outcomes.QUESTIONS.items()},
    outcomes.STRUGGLE: 7 * CONFIG.struggle_weeks,
    outcomes.READY: CONFIG.exam_days,
}


@cache
def settled_outcome(day: int, name: str) -> Floats:
    return came_of(base().at(day + SETTLED[name]), day, name)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(events, st.sampled_from(sorted(SETTLED)))
def test_what_is_settled_stays(happened: list[Event], name: str) -> None:
    found = came_of(with_more(-70 + SETTLED[name], happened).at(0), -70, name)
    np.testing.assert_array_equal(found, settled_outcome(-70, name))


def test_outcomes_of_the_class_differ() -> None:
    """Else the tests above would hold of anything."""
    for name in SETTLED:
        told = np.concatenate([settled_outcome(day, name) for day in (-84, -70)])
        assert len(np.unique(told[~np.isnan(told)])) > 1, name
