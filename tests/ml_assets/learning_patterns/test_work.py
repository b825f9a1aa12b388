from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.inputs import LearningPatternInput
from ml_assets.learning_patterns.work import WORK, work_minutes
from tests.ml_assets.learning_patterns.worlds import AS_OF, World

CONFIG = LearningPatternConfig()


def classes(students: int = 60, academies: int = 3, items: int = 6, seed: int = 0, item_sd: float = 0.3) -> World:
    """Books that take e^3.5 minutes, students 0.25 and academies 0.15 about it."""
    rng = np.random.default_rng(seed)
    world = World()
    place = rng.normal(0, 0.15, academies)
    for number in range(students):
        name, academy = f"s{number:03}", number % academies
        world.student(name, f"t{academy}")
        level = 3.5 + place[academy] + rng.normal(0, 0.25)
        world.plan(name, range(1, 5), subject="수학")
        world.work(name, np.exp(rng.normal(level, item_sd, rng.integers(1, 2 * items))))
    return world


def found(world: World) -> pd.DataFrame:
    return work_minutes(world.input(), CONFIG).set_index(["student_id", "content_type", "subject_group"])


def test_a_student_with_many_items_has_their_own_minutes():
    world = classes()
    world.student("slow", "t0")
    world.work("slow", np.exp(np.random.default_rng(1).normal(np.log(80), 0.3, 200)))
    row = found(world).loc[("slow", "book", "수학")]
    assert row["item_minutes_p50"] == pytest.approx(80, rel=0.08)
    # 200 items: nearly all of what is uncertain is the item itself.
    assert row["item_minutes_p80"] / row["item_minutes_p50"] == pytest.approx(np.exp(0.8416 * 0.3), rel=0.1)
    assert row["minutes_per_unit_p50"] == pytest.approx(row["item_minutes_p50"] / 10, rel=1e-6)
    assert row["pace_ratio_p50"] == pytest.approx(row["item_minutes_p50"] / 30, rel=1e-6)
    assert row["basis"] == "own"


def test_one_slow_item_is_drawn_to_the_academy():
    world = classes()
    world.student("new", "t0")
    world.work("new", [200.0])
    row = found(world).loc[("new", "book", "수학")]
    assert 33 < row["item_minutes_p50"] < 100
    assert row["basis"] == "shrunk"


def test_who_has_done_nothing_of_the_kind_is_told_the_academys_and_less_surely():
    world = classes()
    world.student("fresh", "t0")
    world.plan("fresh", [1], subject="수학")
    world.student("alone", "t9")
    world.plan("alone", [1], subject="수학")
    rows = found(world)
    fresh, alone = rows.loc[("fresh", "book", "수학")], rows.loc[("alone", "book", "수학")]
    assert (fresh["basis"], alone["basis"]) == ("academy", "all")
    assert fresh["item_count"] == 0
    own = rows[rows["basis"] == "own"]
    ratio = fresh["item_minutes_p80"] / fresh["item_minutes_p50"]
    assert ratio > (own["item_minutes_p80"] / own["item_minutes_p50"]).max()
    assert alone["item_minutes_p80"] / alone["item_minutes_p50"] >= ratio * 0.99


def test_p80_holds_for_the_next_item():
    """Made by the very model: 80 % of new items lie within it, for students with one item as for those with ten."""
    rng = np.random.default_rng(3)
    world, truth = World(), {}
    for number in range(900):
        name = f"s{number:03}"
        world.student(name, f"t{number % 3}")
        truth[name] = 3.5 + rng.normal(0, 0.25)
        world.work(name, np.exp(rng.normal(truth[name], 0.3, 1 if number % 2 else 10)))
    rows = found(world).reset_index()
    level = rows["student_id"].map(truth).to_numpy()
    for few in (True, False):
        own = ((rows["item_count"] == 1) == few).to_numpy()
        items = np.exp(rng.normal(level[own][:, None], 0.3, (own.sum(), 30)))
        within = (items <= rows.loc[own, "item_minutes_p80"].to_numpy()[:, None]).mean()
        assert within == pytest.approx(0.8, abs=0.02)
        assert (items <= rows.loc[own, "item_minutes_p50"].to_numpy()[:, None]).mean() == pytest.approx(0.5, abs=0.03)


def test_kinds_that_few_have_done_are_not_told_to_others():
    world = classes()
    for number in range(CONFIG.cohort_min_students - 1):
        world.work(f"s{number:03}", [20.0, 30.0], kind="lecture")
    rows = found(world).reset_index()
    lectures = rows[rows["content_type"] == "lecture"]
    assert len(lectures) == CONFIG.cohort_min_students - 1
    assert set(lectures["basis"]) <= {"own", "shrunk"}


def test_work_without_units_or_estimates_has_none():
    world = classes()
    frames = world.frames()
    columns = ["mean_log_unit_minutes", "var_log_unit_minutes", "mean_log_pace", "var_log_pace"]
    frames["kinds"] = frames["kinds"].assign(
        unit_item_count=0, estimated_item_count=0, **dict.fromkeys(columns, float("nan"))
    )
    rows = work_minutes(LearningPatternInput(as_of=AS_OF, **frames), CONFIG)
    assert rows[["minutes_per_unit_p50", "minutes_per_unit_p80", "pace_ratio_p50"]].isna().all(axis=None)
    assert rows["item_minutes_p80"].notna().all()


def test_one_item_in_all_is_an_answer_with_a_wide_range():
    world = World()
    world.student("only")
    world.work("only", [30.0])
    row = found(world).iloc[0]
    assert row["item_minutes_p50"] == pytest.approx(30)
    assert row["item_minutes_p80"] > 40


def test_nobody_has_a_table_without_rows():
    assert list(work_minutes(World().input(), CONFIG).columns) == list(WORK)
