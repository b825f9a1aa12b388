"""Inputs that nobody planned for: all of them get an answer, and the answer is in order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.recommender.backtest import evaluate_recommender, fit_and_choose
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.fallback import fallback
from ml_assets.recommender.model import fit
from ml_assets.recommender.ranking import recommend
from ml_assets.recommender.resume import resume
from tests.ml_assets.worlds import AS_OF, World, paced_class


def lists_of(world: World) -> pd.DataFrame:
    inputs = world.input()
    model = fit_and_choose(inputs)
    rows = recommend(model, inputs)
    fallback(model, inputs)
    resume(inputs)
    assert rows.groupby("student_id")["rank"].agg(list).map(lambda r: r == list(range(1, len(r) + 1))).all()
    assert rows["score"].between(0, 1).all()
    return rows


def test_one_student() -> None:
    world = World()
    world.student("s", ("수학", None))
    for number in range(5):
        world.content(f"c{number}")
    world.uses = [("s", "c0", 3)]
    assert len(lists_of(world)) == 4


def test_one_content() -> None:
    world = World()
    for number in range(7):
        world.student(f"s{number}", ("수학", None))
    world.content("c")
    world.uses = [("s0", "c", 3)]
    assert lists_of(world)["student_id"].tolist() == [f"s{number}" for number in range(1, 7)]


def test_nobody_shares_anything() -> None:
    world = World()
    for number in range(30):
        world.student(f"s{number:02}", ("수학", None))
        world.content(f"c{number:02}")
        world.uses.append((f"s{number:02}", f"c{number:02}", 1 + number))
    assert lists_of(world).groupby("student_id").size().tolist() == [29] * 30


def test_everybody_has_everything() -> None:
    world = World()
    for number in range(10):
        world.student(f"s{number}", ("수학", None))
    for number in range(8):
        world.content(f"c{number}")
        world.uses += [(f"s{who}", f"c{number}", 1 + number) for who in range(10)]
    assert lists_of(world).empty


def test_a_book_in_ten_duplicates_is_ten_contents_in_order_of_id() -> None:
    world = World()
    world.student("s", ("수학", None))
    for number in range(10):
        world.content(f"c{number}", title_stem="쎈 수학", volume_number=1)
    assert lists_of(world)["content_id"].tolist() == [f"c{number}" for number in range(10)]


def test_a_content_of_unknown_subject_is_offered_to_nobody() -> None:
    world = World()
    world.student("s", ("수학", None))
    world.content("known")
    world.content("unknown", None, None)
    world.uses = [("s", "unknown", 3)]
    assert lists_of(world)["content_id"].tolist() == ["known"]


def test_a_student_with_twenty_thousand_plans() -> None:
    world = paced_class(students=30)
    inputs = world.input()
    inputs.interactions.loc[0, ["planned_count", "done_count"]] = [20_000, 19_000]
    rows = recommend(fit(inputs), inputs)
    assert rows["student_id"].nunique() == 30


def test_a_new_academy_of_seven_is_served_from_what_all_academies_know() -> None:
    world = paced_class()
    world.content("of the new academy", tenant_id="t2")
    for number in range(7):
        world.student(f"n{number}", ("수학", "미적분"), tenant_id="t2")
    rows = lists_of(world)
    new = rows[rows["student_id"].str.startswith("n")]
    assert (new.groupby("student_id").size() >= 40).all()
    assert set(new["source"]) == {"cohort"}
    assert "of the new academy" in set(new["content_id"])
    assert "of the new academy" not in set(rows.loc[~rows["student_id"].str.startswith("n"), "content_id"])
    # What others begin just now comes first, although nobody of this academy has begun anything.
    assert (
        new.groupby("student_id")["content_id"]
        .first()
        .isin([f"{track}{n:02}" for track in "ab" for n in range(24)])
        .all()
    )


def test_a_catalogue_and_nothing_else() -> None:
    """1 277 books, seven students, no plan: first volumes of a middling level come first, in every subject studied."""
    world = World()
    groups = ["국어", "수학", "영어", "과학", "사회"]
    for number in range(1277):
        world.content(
            f"b{number:04}",
            groups[number % 5],
            None,
            difficulty_level=1 + number % 4,
            title_stem=f"교재 {number // 15}",
            volume_number=1 + number // 5 % 3,
        )
    for number in range(7):
        world.student(f"s{number}", *[(group, None) for group in groups])
    inputs = world.input()
    rows = recommend(fit(inputs), inputs).merge(
        inputs.contents[["content_id", "difficulty_level", "volume_number"]], on="content_id"
    )
    assert rows.groupby(["student_id", "subject_group"]).size().min() >= 10
    first = rows[rows["rank"] <= 10]
    assert set(first["volume_number"]) == {1}
    assert set(first["difficulty_level"]) == {2}
    assert set(rows["source"]) == {"cohort"}


def test_a_large_catalogue_is_served_and_says_which_builder_was_used() -> None:
    """100 000 contents of which 30 are used: W is only built over these, and above its limit by the cheaper builder."""
    world = paced_class(students=20, contents=15)
    inputs = world.input()
    many = pd.concat([inputs.contents.head(1)] * 100_000, ignore_index=True)
    many = many.assign(content_id=[f"x{number:06}" for number in range(len(many))], subject=None, subject_group="기타")
    frames = vars(inputs) | {"contents": pd.concat([inputs.contents, many], ignore_index=True)}
    large = type(inputs)(**frames)
    model = fit(large)
    assert model.similar.builder == "local_ease"
    assert recommend(model, large)["student_id"].nunique() == 20
    cheaper = fit(inputs, RecommenderConfig(max_local_ease=5))
    assert cheaper.similar.builder == "shrunk_cosine"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_shuffled_future_is_not_predicted(seed: int) -> None:
    """Who starts what is dealt out anew among the students: a model that had seen the future would still know it."""
    world = paced_class()
    later = pd.DataFrame([u[:2] for u in world.uses if u[2] <= 14], columns=["student_id", "content_id"])
    inputs = world.input(before=14)
    dealt = later.assign(content_id=np.random.default_rng(seed).permutation(later["content_id"]))
    true = evaluate_recommender(inputs, later).model.ndcg_at_k
    assert evaluate_recommender(inputs, dealt).model.ndcg_at_k < 0.8 * true


def test_what_happens_later_changes_no_list() -> None:
    world = paced_class()
    inputs = world.input(before=14)
    before = recommend(fit(inputs), inputs)
    world.uses = [(who, "a00" if age <= 14 else what, age) for who, what, age in world.uses]
    again = world.input(before=14)
    pd.testing.assert_frame_equal(recommend(fit(again), again), before)
    assert again.as_of < AS_OF
