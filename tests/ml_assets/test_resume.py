"""What was begun and left."""

from __future__ import annotations

import json

import pandas as pd
from hypothesis import given

from expectations.suites.reasons import false_reasons
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.model import fit
from ml_assets.recommender.ranking import recommend
from ml_assets.recommender.resume import COLUMNS, resume
from tests.ml_assets.strategies import random_worlds, worlds
from tests.ml_assets.worlds import World, only, shuffled


def test_what_waits_is_offered_nearest_to_its_end_first_and_the_rest_is_not() -> None:
    world = World()
    world.student("s", ("수학", None))
    uses = {"half": 20, "begun": 20, "finished": 20, "under way": 3, "given up": 200, "retired": 20, "elsewhere": 20}
    for name in uses:
        attributes = {"is_active": False} if name == "retired" else {"tenant_id": "t2"} if name == "elsewhere" else {}
        world.content(name, total_units={"half": 4, "begun": 10, "finished": 2}.get(name, 100), **attributes)
        world.uses += [("s", name, age) for age in (uses[name], uses[name] + 2)]
    world.content("new")
    inputs = world.input()

    rows = resume(inputs)

    assert list(rows.columns) == COLUMNS
    assert rows[["rank", "content_id", "done_share"]].to_numpy().tolist() == [[1, "half", 0.5], [2, "begun", 0.2]]
    assert json.loads(rows["reasons"][0]) == [{"code": "unfinished", "params": {"days": 20, "done_pct": 50}}]
    assert rows["reasoning"][0] == "50%까지 진행했고, 20일 전에 마지막으로 공부한 교재예요. 이어서 마쳐 보세요."
    assert rows["last_done_date"][0] == "2024-04-11"
    assert recommend(fit(inputs), inputs)["content_id"].tolist() == ["new"]


def test_a_content_of_unknown_length_waits_while_plans_on_it_are_undone() -> None:
    world = World()
    world.student("s", ("수학", None))
    world.content("a")
    world.content("b")
    world.uses = [("s", "a", 30), ("s", "a", 20), ("s", "b", 20)]
    inputs = world.input()
    inputs.interactions.loc[inputs.interactions["content_id"] == "a", "planned_count"] = 4

    rows = resume(inputs)

    assert rows["content_id"].tolist() == ["a"]
    assert rows["done_share"].isna().all()
    assert rows["reasoning"][0] == "20일 전에 마지막으로 공부한 교재예요. 이어서 마쳐 보세요."


@random_worlds
@given(worlds())
def test_nothing_new_waits_and_every_reason_is_true_whatever_the_order_and_whoever_is_asked(world: World) -> None:
    inputs = world.input()
    config = RecommenderConfig(finished_share=2.0)
    rows = resume(inputs, config)
    new = recommend(fit(inputs), inputs)
    both = rows.merge(new, on=["student_id", "content_id"])
    assert both.empty
    features = {
        name: getattr(inputs, name) for name in ("interactions", "contents", "weak_subjects", "student_subjects")
    }
    assert set(false_reasons(rows, features, inputs.as_of).values()) <= {0}
    pd.testing.assert_frame_equal(rows, resume(shuffled(inputs, 1), config))
    for student in inputs.students["student_id"]:
        alone = resume(only(inputs, student), config)
        expected = rows[rows["student_id"] == student].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, check_dtype=False)
