"""Students that nobody planned for: all of them get an answer, or none, and the others stay as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.outlook import outcomes
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.evidence import evidence
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import INSUFFICIENT, OutlookModel, fit
from ml_assets.outlook.publication import COLUMNS, predictions
from tests.ml_assets.outlook.worlds import FRAMES, SMALL, World, features_of, made_class

NONE_AHEAD = pd.DataFrame({"student_id": pd.Series(dtype="str"), "days_left": pd.Series(dtype="float64")})


def one_plan(world: World) -> None:
    world.item("odd", -3)


def one_tick(world: World) -> None:
    world.item("odd", -3, -3)


def ten_years(world: World) -> None:
    world.active("odd", *range(-3650, 0))


def checkboxes(world: World) -> None:
    world.active("odd", *range(-200, 0, 2))


def back_after_a_year(world: World) -> None:
    world.active("odd", *range(-460, -400), -2, -1)
    world.enrol("odd", -470, -390)
    world.enrol("odd", -3, 100)


def only_exams(world: World) -> None:
    for day in range(-300, 0, 30):
        world.score("odd", day, 50)


def nothing(world: World) -> None:
    pass


ODD: dict[str, tuple[Callable[[World], None], set[str]]] = {
    "one plan": (one_plan, set()),
    "one tick": (one_tick, {outcomes.SILENCE, outcomes.WEEK}),
    "ten years": (ten_years, {outcomes.SILENCE, outcomes.WEEK, outcomes.STRUGGLE}),
    "checkboxes": (checkboxes, {outcomes.SILENCE, outcomes.WEEK, outcomes.STRUGGLE}),
    "back after a year": (back_after_a_year, {outcomes.SILENCE, outcomes.WEEK}),
    "only exams": (only_exams, {outcomes.READY}),
    "nothing": (nothing, set()),
}


@pytest.fixture(scope="module")
def few() -> World:
    return made_class(students=4, weeks=30, after=1, seed=2)


@pytest.fixture(scope="module")
def few_published(few: World, class_model: OutlookModel) -> pd.DataFrame:
    return predictions(class_model, few.at(), pd.DataFrame(columns=list(COLUMNS)))


@pytest.mark.parametrize(("build", "types"), ODD.values(), ids=ODD)
def test_odd_students(
    build: Callable[[World], None],
    types: set[str],
    few: World,
    few_published: pd.DataFrame,
    class_model: OutlookModel,
) -> None:
    """A plan of the week just begun is of no subject yet, and of no rate."""
    world = replace(few, **{name: list(getattr(few, name)) for name in ("students", "items", "scores", "enrolments")})
    world.student("odd", "t9")
    build(world)
    inputs = world.at()
    rows = predictions(class_model, inputs, pd.DataFrame(columns=list(COLUMNS)))
    own = rows[rows["student_id"] == "odd"]
    assert set(own["prediction_type"]) - {outcomes.STRUGGLE} == types - {outcomes.STRUGGLE}
    assert types <= set(own["prediction_type"])
    assert set(own["tenant_id"]) <= {"t9"}
    for text in [*own["contributing_factors"], *own["recommended_interventions"]]:
        json.loads(text)
    assert own[["prediction_score", "base_score", "confidence"]].notna().all(axis=None)
    others = rows[rows["student_id"] != "odd"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, few_published)
    said = evidence(class_model, inputs, NONE_AHEAD)
    said = said[said["student_id"] == "odd"]
    assert not said["reasoning"].str.contains("nan|null|[{}]").any()
    for text in said["context"]:
        json.loads(text)


def test_who_only_ticks_has_unknown_minutes_and_not_none() -> None:
    world = World()
    world.student("odd")
    checkboxes(world)
    own = features_of(world.at(), 0).loc["odd"]
    assert own[["minutes_per_day", "minutes_change", "late_share"]].isna().all()
    assert own["active_28d"] == 14


def test_a_year_without_anything_is_not_the_last_of_somebody_else() -> None:
    world = World()
    for name in ("a", "odd", "z"):
        world.student(name)
    world.active("a", *range(-40, 0))
    world.active("z", *range(-40, 0))
    back_after_a_year(world)
    own = features_of(world.at(), 0, -3)
    now, before = (own[own["day"] == day].loc["odd"] for day in sorted(set(own["day"]), reverse=True))
    assert now["active_84d"] == 2
    assert now["enrolments"] == 1
    assert before["days_since_active"] == 398
    assert before["enrolments"] == 1


def test_two_academies_never_mix(class_world: World, class_model: OutlookModel) -> None:
    """Whatever one academy's students do, the other's predictions of a model stay."""
    inputs = class_world.at()
    first = inputs.students["tenant_id"] == "t0"
    own = inputs.students.loc[first, "student_id"]

    def without(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["student_id"].isin(own)]

    names = ("students", "daily", "coming_week", "weekly")
    alone = replace(inputs, **{name: without(getattr(inputs, name)) for name in names})
    nothing_published = pd.DataFrame(columns=list(COLUMNS))
    together = predictions(class_model, inputs, nothing_published)
    expected = together[together["tenant_id"] == "t0"].reset_index(drop=True)
    pd.testing.assert_frame_equal(predictions(class_model, alone, nothing_published), expected)


def test_nobody_teaches_nothing(class_model: OutlookModel) -> None:
    nobody = World().at()
    model = fit(nobody, OutlookConfig())
    assert {answer.in_use for answer in model.answers.values()} == {INSUFFICIENT}
    assert model.version.startswith("outlook-insufficient-")
    assert predictions(model, nobody, pd.DataFrame(columns=list(COLUMNS))).empty
    assert evidence(class_model, nobody, NONE_AHEAD).empty


def test_one_student_teaches_nothing() -> None:
    world = made_class(students=1, weeks=30, after=0)
    model = fit(world.at(), OutlookConfig(history_weeks=6))
    assert {answer.in_use for answer in model.answers.values()} == {INSUFFICIENT}
    assert predictions(model, world.at(), pd.DataFrame(columns=list(COLUMNS))).empty


@pytest.mark.parametrize("name", FRAMES)
def test_any_frame_may_be_empty(name: str, few: World, class_model: OutlookModel) -> None:
    frames = few.frames()
    inputs = OutlookInput(**{**frames, name: frames[name].head(0)})
    rows = predictions(class_model, inputs, pd.DataFrame(columns=list(COLUMNS)))
    said = evidence(class_model, inputs, NONE_AHEAD)
    assert rows.empty == (name == "students")
    assert said.empty == (name == "students")
    assert np.isfinite(rows["prediction_score"].astype(float)).all()
    if name == "daily":
        assert set(rows["prediction_type"]) == {outcomes.STRUGGLE, outcomes.READY}
    fit(inputs, replace(SMALL, history_weeks=3))
