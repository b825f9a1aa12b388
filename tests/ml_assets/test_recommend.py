"""What students see: who gets what, in which order, and why."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from expectations.suites.reasons import false_reasons
from ml_assets.evaluation.ranking import evaluate_rankings
from ml_assets.recommender.backtest import evaluate_recommender, fit_and_choose, fit_weighed
from ml_assets.recommender.config import PRIOR_WEIGHTS, RecommenderConfig
from ml_assets.recommender.fallback import COLUMNS as FALLBACK_COLUMNS
from ml_assets.recommender.fallback import fallback
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.model import ModelMismatchError, RecommenderModel, fit
from ml_assets.recommender.ranking import BASELINES, COLUMNS, rank, recommend
from ml_assets.recommender.reasons import REASONS
from tests.ml_assets.strategies import random_worlds, worlds
from tests.ml_assets.worlds import AS_OF, World, only, paced_class, shuffled

LOW_SUPPORT = RecommenderConfig(min_support=1, min_next_share=0.01)


def shown(frame: pd.DataFrame, student: str) -> list[str]:
    return frame[frame["student_id"] == student].sort_values("rank")["content_id"].tolist()


def features(inputs: RecommenderInput) -> dict[str, pd.DataFrame]:
    return {name: getattr(inputs, name) for name in ("interactions", "contents", "weak_subjects", "student_subjects")}


def may_see(world: World, student: dict[str, object], content: dict[str, object]) -> bool:
    """The rules of eligibility once more, for one pair."""

    def agree(key: str) -> bool:
        return student.get(key) is None or content.get(key) is None or student[key] == content[key]

    name, level = student["student_id"], student.get("school_year_level")
    low, high = content.get("school_year_min"), content.get("school_year_max")
    studied = {group for who, group, _ in world.subjects if who == name}
    is_known = (name, content["content_id"]) in {(who, what) for who, what, *_ in [*world.uses, *world.shelf]}
    return (
        content["subject_group"] in studied
        and bool(content["is_active"])
        and content.get("tenant_id") in {None, student["tenant_id"]}
        and agree("school_type")
        and agree("curriculum_revision")
        and (level is None or ((low is None or level >= low) and (high is None or level <= high)))
        and not is_known
    )


@random_worlds
@given(worlds())
def test_exactly_the_candidates_are_ranked(world: World) -> None:
    inputs = world.input()
    expected = {
        (student["student_id"], content["content_id"])
        for student in world.students
        for content in world.contents
        if may_see(world, student, content)
    }
    model = fit(inputs)
    for scorer in BASELINES.values():
        ranked = rank(model, inputs, scorer)
        assert set(zip(ranked["student_id"], ranked["content_id"], strict=True)) == expected
    rows = recommend(model, inputs)
    assert list(rows.columns) == COLUMNS
    assert Counter(zip(rows["student_id"], rows["content_id"], strict=True)) == Counter(expected)


@random_worlds
@given(worlds())
def test_lists_are_in_order_and_numbered_without_gaps(world: World) -> None:
    inputs = world.input()
    rows = recommend(fit(inputs), inputs)
    contents = inputs.contents.set_index("content_id")
    tenants = inputs.students.set_index("student_id")["tenant_id"]
    for student, listed in rows.groupby("student_id"):
        assert listed["rank"].tolist() == list(range(1, len(listed) + 1))
        assert listed["score"].is_monotonic_decreasing
        assert listed["score"].iloc[0] == 1.0
        assert (listed["tenant_id"] == tenants[student]).all()
        for _, of_group in listed.groupby("subject_group"):
            assert of_group["subject_rank"].tolist() == list(range(1, len(of_group) + 1))
    assert rows["score"].between(0, 1).all()
    for column in ("content_type", "subject_group", "subject_id"):
        assert rows[column].tolist() == contents[column].reindex(rows["content_id"]).tolist()


@random_worlds
@given(worlds())
def test_the_order_of_rows_changes_nothing(world: World) -> None:
    inputs, other = world.input(), shuffled(world.input(), seed=3)
    model, same = fit(inputs), fit(other)
    assert same.content_hash == model.content_hash
    pd.testing.assert_frame_equal(recommend(same, other), recommend(model, inputs), check_exact=True)
    pd.testing.assert_frame_equal(fallback(same, other), fallback(model, inputs), check_exact=True)


@random_worlds
@given(worlds())
def test_a_student_alone_gets_the_rows_of_the_batch(world: World) -> None:
    inputs = world.input()
    model = fit(inputs, LOW_SUPPORT)
    together = recommend(model, inputs)
    for student in inputs.students["student_id"]:
        alone = recommend(model, only(inputs, student))
        expected = together[together["student_id"] == student].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_a_student_alone_gets_the_rows_of_a_large_batch() -> None:
    inputs = paced_class().input()
    model = fit(inputs, RecommenderConfig(chunk_students=17))
    together = recommend(model, inputs)
    for student in ("s000", "s033", "s059"):
        alone = recommend(model, only(inputs, student))
        expected = together[together["student_id"] == student].reset_index(drop=True)
        assert len(expected) > 5
        pd.testing.assert_frame_equal(alone, expected, check_exact=True)


@random_worlds
@given(worlds())
def test_every_reason_is_true(world: World) -> None:
    inputs = world.input()
    model = fit(inputs, LOW_SUPPORT)
    mine = recommend(model, inputs)
    assert all(1 <= len(json.loads(reasons)) <= 3 for reasons in mine["reasons"])
    for rows in (mine, fallback(model, inputs)):
        assert set(false_reasons(rows, features(inputs), inputs.as_of, least_students=1).values()) <= {0}


def test_each_reason_is_given_in_its_words_and_each_lie_is_found() -> None:
    """One student for whom every reason holds somewhere; then every number that is stated is changed by one."""
    world = World()
    world.student("me", ("수학", "미적분"), ("국어", None))
    for volume in (1, 2):
        world.content(f"v{volume}", title_stem="쎈", volume_number=volume, difficulty_level=2)
    world.content("next", content_type="lecture")
    world.content("solid", difficulty_level=2)
    world.content("unknown", content_type="custom")
    world.content("k", "국어", "독서")
    for number in range(8):
        world.student(f"s{number}", ("수학", "미적분"))
        world.uses += [(f"s{number}", "v1", 9), (f"s{number}", "next", 6), (f"s{number}", "solid", 30)]
    world.uses += [("me", "v1", 3)]
    world.standings = [("me", "수학", 80.0, False), ("me", "국어", 40.0, True)]
    inputs = world.input()

    config = RecommenderConfig(least_levels=1)
    rows = recommend(fit(inputs, config), inputs)

    told = rows[rows["student_id"] == "me"].set_index("content_id")["reasoning"].to_dict()
    assert told == {
        "v2": "이미 시작한 시리즈의 2번째 교재예요. "
        "난이도가 '기본'이라서, 지금까지 시작한 수학 콘텐츠 1개의 평균 난이도와 비슷해요.",
        "next": "이미 공부한 교재를 시작했던 학생 9명 중 8명이 14일 안에 이 강의도 시작했어요. "
        "학생 8명이 이 강의로 세운 계획 8개 중 8개를 끝까지 마쳤어요.",
        "solid": "학생 8명이 이 교재로 세운 계획 8개 중 8개를 끝까지 마쳤어요. "
        "난이도가 '기본'이라서, 지금까지 시작한 수학 콘텐츠 1개의 평균 난이도와 비슷해요.",
        "unknown": "지금 공부하고 있는 수학 교과의 콘텐츠예요. 시작한 학생이 아직 5명이 안 되는 콘텐츠예요.",
        "k": "시험 성적으로 보면 국어 백분위가 40점쯤으로, 내 전체 교과 평균 60점보다 낮아 보강하면 좋은 교과예요. "
        "지금 공부하고 있는 국어 교과의 교재예요.",
    }
    stated = [reason for reasons in rows["reasons"] for reason in json.loads(reasons)]
    assert {reason["code"] for reason in stated} == {each.code for each in REASONS} - {"in_subject_group"}
    assert set(false_reasons(rows, features(inputs), inputs.as_of).values()) == {0}
    for reason in stated:
        # A window one day longer may hold the very same starts.
        for name, value in reason["params"].items():
            if name in {"days", "fewer_than"}:
                continue
            other = "음악" if isinstance(value, str) else value + 1
            row = rows[rows["reasons"].str.contains(json.dumps(reason, ensure_ascii=False), regex=False)].head(1)
            lie = json.dumps([{"code": reason["code"], "params": reason["params"] | {name: other}}])
            found = false_reasons(row.assign(reasons=lie), features(inputs), inputs.as_of)
            assert found == {reason["code"]: 1}, (reason, name)
    invented = rows.head(1).assign(reasons='[{"code": "best_ever", "params": {}}]')
    assert false_reasons(invented, features(inputs), inputs.as_of) == {"best_ever": 1}


def weak_reasons(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Contents of each student whose reasons begin with, or have, a weak subject."""
    stated = rows[rows["reasons"].str.contains('"weak_subject"', regex=False)]
    return {str(name): sorted(found) for name, found in stated.groupby("student_id")["content_id"]}


def test_what_is_weak_is_what_the_frame_says_and_not_what_the_percentiles_look_like() -> None:
    world = World()
    for group in ("국어", "수학"):
        world.content(group, group, None)
    for name in ("low", "close", "alike", "unknown"):
        world.student(name, ("국어", None), ("수학", None))
    world.standings = [("low", "수학", 10.0, False), ("low", "국어", 90.0, False)]
    world.standings += [("close", "수학", 50.0, True), ("close", "국어", 50.2, False)]
    world.standings += [("alike", "수학", 20.0, True), ("alike", "국어", 20.0, True)]
    world.standings += [("left", "수학", 20.0, True)]
    inputs = world.input()
    rows = recommend(fit(inputs), inputs)
    # Equally weak in all groups is weak, though not weaker than the own mean, which is what the sentence says.
    assert weak_reasons(rows) == {"close": ["수학"]}
    (reason,) = json.loads(rows.set_index(["student_id", "content_id"]).loc[("close", "수학"), "reasons"])[:1]
    assert reason["params"] == {"subject_group": "수학", "percentile": 50, "own_percentile": 50.1}
    for changed in ({"is_weak": False}, {"percentile": 49.0}, {"own_percentile": 51.0}):
        other = features(inputs) | {"weak_subjects": inputs.weak_subjects.assign(**changed)}
        assert false_reasons(rows, other, inputs.as_of)["weak_subject"] == 1
    nobody = features(inputs) | {"weak_subjects": inputs.weak_subjects.head(0)}
    assert false_reasons(rows, nobody, inputs.as_of)["weak_subject"] == 1


def test_a_subject_group_moves_up_by_its_need_alone() -> None:
    """Two groups that are alike but for their names; where one is needed, the first place is its own."""
    world = World()
    for group in ("국어", "수학"):
        for number in range(6):
            world.content(f"{group}{number}", group, None)
    for name in ("neither", "국어", "수학"):
        world.student(name, ("국어", None), ("수학", None))
    world.standings = [(who, group, 50.0, who == group) for who in ("국어", "수학") for group in ("국어", "수학")]
    frames = world.frames()
    rows = recommend(fit(world.input()), world.input())
    first = {name: shown(rows, name)[:6] for name in ("neither", "국어", "수학")}
    in_korean = {name: sum(content.startswith("국어") for content in listed) for name, listed in first.items()}
    assert in_korean["국어"] > in_korean["neither"] > in_korean["수학"]
    assert {name: listed[0][:2] for name, listed in first.items() if name != "neither"} == {
        "국어": "국어",
        "수학": "수학",
    }
    # Whether it is called weak, and by how many exams, moves nothing.
    weak = frames["weak_subjects"].assign(is_weak=False, exam_count=1, percentile=99.0, own_percentile=99.0)
    same = RecommenderInput(**{**frames, "weak_subjects": weak})
    pd.testing.assert_series_equal(recommend(fit(same), same)["content_id"], rows["content_id"])


def test_numbers_of_fewer_than_five_students_are_never_shown() -> None:
    world = World()
    world.content("a")
    world.content("b")
    for number in range(4):
        world.student(f"s{number}", ("수학", "미적분"))
        world.uses += [(f"s{number}", "a", 9), (f"s{number}", "b", 6)]
    world.student("me", ("수학", "미적분"))
    world.uses += [("me", "a", 2)]
    row = recommend(fit(world.input()), world.input()).iloc[0]
    assert (row["content_id"], row["source"]) == ("b", "short_history")
    assert [reason["code"] for reason in json.loads(row["reasons"])] == ["studying", "rarely_started"]
    assert row["reasoning"] == "지금 공부하고 있는 수학 교과의 교재예요. 시작한 학생이 아직 5명이 안 되는 교재예요."

    world.student("s4", ("수학", "미적분"))
    world.uses += [("s4", "a", 9), ("s4", "b", 6)]
    row = recommend(fit(world.input()), world.input()).iloc[0]
    assert json.loads(row["reasons"]) == [
        {
            "code": "similar_students",
            "params": {"base_content_id": "a", "students": 6, "next_students": 5, "days": 14},
        },
        {"code": "often_completed", "params": {"students": 5, "planned_items": 5, "done_items": 5}},
        {"code": "popular_in_course", "params": {"students": 5, "days": 14}},
    ]


def test_what_is_on_the_shelf_or_in_the_plan_is_not_new() -> None:
    world = World()
    world.student("s", ("수학", "미적분"))
    for name in ("done", "new", "planned", "shelved"):
        world.content(name)
    world.uses = [("s", "done", 3), ("s", "planned", 3)]
    world.shelf = [("s", "shelved")]
    frames = world.frames()
    planned = frames["interactions"]["content_id"] == "planned"
    frames["interactions"].loc[planned, ["first_done_date", "last_done_date"]] = pd.NaT
    frames["interactions"].loc[planned, "done_count"] = 0
    inputs = RecommenderInput(**frames)
    assert shown(recommend(fit(inputs), inputs), "s") == ["new"]


def test_lists_are_deep_enough_for_every_subject_group() -> None:
    world = World()
    world.student("s", ("국어", None), ("수학", None))
    for number in range(70):
        world.content(f"m{number:02}", "수학")
    for number in range(15):
        world.content(f"k{number:02}", "국어")
    # Only mathematics is popular: Korean comes after all of it, and is there nevertheless.
    for number in range(9):
        world.student(f"s{number}", ("수학", "미적분"))
        world.uses += [(f"s{number}", f"m{place:02}", 1) for place in range(70)]
    rows = recommend(fit(world.input()), world.input())
    mine = rows[rows["student_id"] == "s"]
    assert mine.groupby("subject_group").size().to_dict() == {"국어": 10, "수학": 49}
    assert mine["rank"].tolist() == list(range(1, 60))
    # One place in the first ten is for what nobody has started yet.
    assert mine.loc[mine["subject_group"] == "국어", "rank"].tolist() == [10, *range(51, 60)]
    assert mine["score"].is_monotonic_decreasing


def test_equal_contents_are_in_order_of_id() -> None:
    world = World()
    world.student("s", ("수학", None))
    for name in "dbca":
        world.content(name)
    assert shown(recommend(fit(world.input()), world.input()), "s") == list("abcd")


def test_own_history_decides_between_equally_popular_contents() -> None:
    world = World()
    for name in ("a1", "a2", "b1", "b2"):
        world.content(name)
    for number in range(40):
        world.student(f"s{number:02}", ("수학", "미적분"))
        path = "ab"[number % 2]
        world.uses += [(f"s{number:02}", f"{path}1", 9), (f"s{number:02}", f"{path}2", 3)]
    for path in "ab":
        world.student(f"on {path}", ("수학", "미적분"))
        world.uses += [(f"on {path}", f"{path}1", 2)]
    inputs = world.input()
    rows = recommend(fit(inputs), inputs)
    assert shown(rows, "on a")[0] == "a2"
    assert shown(rows, "on b")[0] == "b2"


def test_who_has_started_nothing_gets_what_others_start_and_is_told_so() -> None:
    world = paced_class()
    world.student("new", ("수학", "미적분"))
    inputs = world.input()
    rows = recommend(fit(inputs), inputs).set_index("student_id")
    assert set(rows.loc["new", "source"]) == {"cohort"}
    assert set(rows.drop("new")["source"]) == {"personal"}
    assert all("similar_students" not in reasons for reasons in rows.loc["new", "reasons"])


def test_who_is_held_out_gets_the_list_of_the_year_and_always_the_same_ones_are() -> None:
    world = paced_class(students=200)
    inputs = world.input()
    model = fit(inputs, RecommenderConfig(holdout_share=0.1))
    rows = recommend(model, inputs)
    held_out = set(rows.loc[rows["source"] == "holdout", "student_id"])
    assert 10 <= len(held_out) <= 30
    assert set(rows.loc[~rows["student_id"].isin(held_out), "source"]) == {"personal"}
    in_year = rank(model, inputs, BASELINES["popular_in_year"])
    assert all(shown(rows, student) == shown(in_year, student)[:50] for student in held_out)
    some = sorted(held_out)[0]
    pd.testing.assert_frame_equal(
        recommend(model, only(inputs, some)), rows[rows["student_id"] == some].reset_index(drop=True)
    )
    fewer = recommend(dataclasses.replace(model, config=RecommenderConfig(holdout_share=0.05)), inputs)
    assert set(fewer.loc[fewer["source"] == "holdout", "student_id"]) < held_out
    none = recommend(dataclasses.replace(model, config=RecommenderConfig(holdout_share=0)), inputs)
    assert set(none["source"]) == {"personal"}
    # Where the baseline is published there is nothing to compare.
    baseline = recommend(dataclasses.replace(model, in_use="popular_recent"), inputs)
    assert set(baseline["source"]) == {"popular_recent"}


def test_fallback_follows_the_year_and_backs_off_to_everybody() -> None:
    world = World()
    for name in ("first", "second", "third"):
        world.content(name)
    world.content("other academy's", tenant_id="t2")
    world.content("too hard", school_year_min=3)
    for number in range(60):
        level = 1 + number % 2
        world.student(f"s{number:02}", ("수학", "미적분"), school_type="HIGH", school_year_level=level)
        world.uses += [(f"s{number:02}", "first" if level == 1 else "second", 1)]
    world.student("unknown", tenant_id="t2")
    inputs = world.input()
    rows = fallback(fit(inputs), inputs)
    assert list(rows.columns) == FALLBACK_COLUMNS
    lists = rows.groupby(["tenant_id", "school_type", "school_year_level"])["content_id"].agg(list).to_dict()
    assert lists["t1", "HIGH", 1] == ["first", "second", "third"]
    assert lists["t1", "HIGH", 2] == ["second", "first", "third"]
    assert set(lists) == {("t1", "HIGH", 1), ("t1", "HIGH", 2), ("t2", "", 0)}
    # A student of unknown year may be in any; the contents of their own academy are among them.
    assert set(lists["t2", "", 0]) == {"first", "second", "third", "other academy's", "too hard"}
    assert rows.groupby(["tenant_id", "school_year_level"])["rank"].agg(list)["t2", 0] == [1, 2, 3, 4, 5]
    assert json.loads(rows["reasons"].iloc[0])[1] == {
        "code": "popular_in_course",
        "params": {"students": 30, "days": 14},
    }
    assert rows.isna().sum().sum() == 0
    assert set(rows["source"]) == {"cohort"}


def test_what_a_course_of_the_past_was_full_of_does_not_lead_the_fallback() -> None:
    world = World()
    world.content("a finished course's", "수학", "작년")
    world.content("today's", "수학", "올해")
    for number in range(30):
        world.student(f"s{number:02}", ("수학", "올해"))
        world.uses += [(f"s{number:02}", "a finished course's", 200)]
        world.uses += [(f"s{number:02}", "today's", 4)] if number < 6 else []
    rows = fallback(fit(world.input()), world.input())
    assert rows["content_id"].tolist() == ["today's", "a finished course's"]


def test_fallback_is_no_deeper_than_asked() -> None:
    world = World()
    world.student("s")
    for number in range(30):
        world.content(f"m{number:02}", "수학", "가" if number % 2 else "나")
    rows = fallback(fit(world.input()), world.input())
    assert rows["rank"].tolist() == list(range(1, 21))
    assert rows["reasoning"].iloc[0] == "수학 교과의 교재예요. 시작한 학생이 아직 5명이 안 되는 교재예요."


@pytest.mark.parametrize("with_students", [True, False])
@pytest.mark.parametrize("with_contents", [True, False])
def test_next_to_nothing_is_an_answer(with_students: bool, with_contents: bool) -> None:
    world = World()
    if with_students:
        world.student("s", ("수학", "미적분"))
    if with_contents:
        world.content("c")
    inputs = world.input()
    model = fit_and_choose(inputs)
    rows, cohorts = recommend(model, inputs), fallback(model, inputs)
    assert len(rows) == len(cohorts) == int(with_students and with_contents)
    assert list(rows.columns) == COLUMNS
    assert list(cohorts.columns) == FALLBACK_COLUMNS
    assert model.in_use == "popular_recent"
    assert model.metrics["students"] == 0
    assert model.metrics["ndcg_at_20"] is None


def test_students_who_share_nothing_get_all_that_is_left_of_their_subject_group() -> None:
    world = World()
    for number in range(6):
        world.student(f"s{number}", ("수학", f"과목 {number}"))
        world.content(f"c{number}a", "수학", f"과목 {number}")
        world.content(f"c{number}b", "수학", f"과목 {number}")
        world.uses += [(f"s{number}", f"c{number}a", 3)]
    rows = recommend(fit(world.input()), world.input())
    everything = {f"c{number}{part}" for number in range(6) for part in "ab"}
    for number in range(6):
        assert set(shown(rows, f"s{number}")) == everything - {f"c{number}a"}


def test_the_next_volume_comes_first_and_a_new_series_begins_with_its_first() -> None:
    world = World()
    for volume in (1, 2, 3):
        for name in ("가람", "한결"):
            world.content(f"{name}{volume}", title_stem=name, volume_number=volume)
    world.student("s", ("수학", "미적분"))
    world.uses = [("s", "가람1", 4)]
    listed = shown(recommend(fit(world.input()), world.input()), "s")
    assert listed[0] == "가람2"
    assert [name for name in listed if name.startswith("한결")] == ["한결1", "한결2", "한결3"]


def test_a_subject_taken_up_later_is_not_known_before() -> None:
    world = World()
    world.content("a", "수학", "미적분")
    world.student("s", ("수학", "미적분"), ("수학", "기하"), ("국어", "독서"))
    frames = world.frames()
    frames["student_subjects"]["since_date"] = [dt.date(2024, 4, 16), dt.date(2024, 4, 17), None]
    before = RecommenderInput(**frames).as_known_before(dt.date(2024, 4, 17))
    assert before.student_subjects["subject"].tolist() == ["독서", "미적분"]


def test_a_model_kept_and_read_again_scores_alike(tmp_path: Path) -> None:
    inputs = paced_class().input()
    model = fit_and_choose(inputs)
    model.save(tmp_path / "model")
    again = RecommenderModel.load(tmp_path / "model")
    assert (again.version, again.metrics, again.config) == (model.version, model.metrics, model.config)
    pd.testing.assert_frame_equal(recommend(again, inputs), recommend(model, inputs), check_exact=True)
    again.save(tmp_path / "again")
    names = ("arrays.npz", "manifest.json")
    assert [(tmp_path / "again" / n).read_bytes() for n in names] == [
        (tmp_path / "model" / n).read_bytes() for n in names
    ]


def test_changed_arrays_are_refused(tmp_path: Path) -> None:
    fit(paced_class(students=8).input()).save(tmp_path)
    with np.load(tmp_path / "arrays.npz") as file:
        arrays = dict(file)
    arrays["0/rates"] = arrays["0/rates"] * 2
    np.savez_compressed(tmp_path / "arrays.npz", **arrays)
    with pytest.raises(ModelMismatchError, match="was changed after it was written"):
        RecommenderModel.load(tmp_path)


@pytest.mark.parametrize("change", [{"in_use": "popular_recent"}, {"schema_version": 99}])
def test_a_changed_model_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    fit(paced_class(students=8).input()).save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, **change}), "utf-8")
    with pytest.raises(ModelMismatchError, match="Fit again"):
        RecommenderModel.load(tmp_path)


def test_a_model_of_another_catalogue_or_of_the_future_is_refused() -> None:
    world = paced_class(students=8)
    model = fit(world.input())
    with pytest.raises(ModelMismatchError, match="knows what was not known"):
        recommend(model, world.input(before=14))
    world.content("new")
    with pytest.raises(ModelMismatchError, match="Fit again on the present catalogue"):
        recommend(model, world.input())


def test_a_paced_class_is_predicted_better_than_by_popularity_and_only_if_the_future_is_its_own() -> None:
    world = paced_class()
    inputs = world.input(before=14)
    later = pd.DataFrame([u[:2] for u in world.uses if u[2] <= 14], columns=["student_id", "content_id"])
    result = evaluate_recommender(inputs, later)
    assert result.model.students == 20
    assert result.model.ndcg_at_k > 1.15 * result.baselines["popular_recent"].ndcg_at_k
    rng = np.random.default_rng(1)
    other = later.assign(content_id=rng.permutation(inputs.contents["content_id"])[rng.integers(0, 48, len(later))])
    assert evaluate_recommender(inputs, other).model.ndcg_at_k < 0.6 * result.model.ndcg_at_k


def test_an_evaluation_prints_what_the_command_line_promises() -> None:
    world = paced_class(students=12)
    later = pd.DataFrame([u[:2] for u in world.uses if u[2] <= 14], columns=["student_id", "content_id"])
    # Neither an old acquaintance nor an unknown id is something new.
    noise = pd.DataFrame([("s000", "a00"), ("nobody", "a23"), ("s000", "nothing")], columns=later.columns)
    result = evaluate_recommender(world.input(before=14), later).to_dict()
    assert result == evaluate_recommender(world.input(before=14), pd.concat([later, noise, later])).to_dict()
    assert result["students"] == 4
    assert set(result["baselines"]) == {
        *("popular_recent", "popular_recent_starts", "popular_in_year", "popular_all", "item_knn")
    }
    for metrics in (result, *result["baselines"].values()):
        assert 0 <= metrics["recall_at_20"] <= 1
        assert 0 <= metrics["ndcg_at_20"] <= 1


@random_worlds
@given(worlds())
def test_an_earlier_cut_off_is_replayed_from_the_same_rows(world: World) -> None:
    world.shelf = []  # A shelf has no date: the replay takes it for known.
    replayed, true = world.input().as_known_before(AS_OF - dt.timedelta(days=14)), world.input(before=14)
    pd.testing.assert_frame_equal(rank(fit(replayed), replayed), rank(fit(true), true))
    starts = BASELINES["popular_recent_starts"]
    pd.testing.assert_frame_equal(rank(fit(replayed), replayed, starts), rank(fit(true), true, starts))


def either_way(started_next: str) -> RecommenderInput:
    """Many still used `old`, begun long before, and a few had just begun `fresh`, when the rest started one of them."""
    world = World()
    world.content("old")
    world.content("fresh")
    for number in range(40):
        world.student(f"s{number:02}", ("수학", "미적분"))
        if number < 20:
            world.uses += [(f"s{number:02}", "old", 300), (f"s{number:02}", "old", 16)]
        elif number < 28:
            world.uses += [(f"s{number:02}", "fresh", 15)]
        else:
            world.uses += [(f"s{number:02}", started_next, 5)]
    return world.input()


def test_the_model_is_published_only_where_it_is_no_worse_than_its_baseline() -> None:
    won, lost = fit_and_choose(either_way("fresh")), fit_and_choose(either_way("old"))
    assert (won.in_use, lost.in_use) == ("personal", "popular_recent")
    assert lost.metrics["ndcg_at_20"] < lost.metrics["baselines"]["popular_recent"]["ndcg_at_20"] == 1.0
    assert lost.metrics["as_of"] == "2024-04-17"
    assert lost.version.startswith("recommender-popular_recent-")
    inputs = either_way("old")
    rows = recommend(lost, inputs)
    assert set(rows["source"]) == {"popular_recent"}
    expected = rank(lost, inputs, BASELINES["popular_recent"])
    pd.testing.assert_frame_equal(rows[["student_id", "content_id", "rank"]], expected, check_dtype=False)
    assert dataclasses.replace(lost, in_use="personal").version != lost.version


def test_metrics_of_a_ranking_are_those_of_its_frame() -> None:
    world = paced_class(students=20)
    inputs = world.input(before=14)
    later = pd.DataFrame([u[:2] for u in world.uses if u[2] <= 14], columns=["student_id", "content_id"])
    assert evaluate_recommender(inputs, later).model == evaluate_rankings(
        recommend(fit_weighed(inputs, RecommenderConfig()), inputs), later
    )


def test_without_a_choice_to_learn_from_the_weights_are_the_published_ones() -> None:
    world = World()
    world.content("a")
    world.student("s", ("수학", "미적분"))
    assert fit_weighed(world.input(), RecommenderConfig()).term_weights == PRIOR_WEIGHTS
