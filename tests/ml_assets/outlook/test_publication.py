"""Rows of `student_predictions`: in order with themselves, kept by the week, and held against what came of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from ml_assets.outlook import outcomes
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import INSUFFICIENT, Answer, OutlookModel
from ml_assets.outlook.publication import COLUMNS, GROUPS, PUBLISHED, asked, keep, predictions, settled, settled_days
from ml_assets.outlook.texts import FACTORS as FACTOR_NAMES
from ml_assets.outlook.texts import INTERVENTIONS, RISES_WITH_RISK
from tests.ml_assets.outlook.worlds import AS_OF, SMALL, World, date_of

KEY = ["student_id", "prediction_type", "prediction_date"]


def test_columns_and_keys(published: pd.DataFrame, class_input: OutlookInput) -> None:
    assert published.columns.tolist() == list(COLUMNS)
    assert len(published) > 120
    assert not published.duplicated(KEY).any()
    assert set(published["prediction_type"]) == set(PUBLISHED)
    assert set(pd.to_datetime(published["prediction_date"])) == {pd.Timestamp(AS_OF)}
    assert published["actual_outcome"].isna().all()
    for column in ("prediction_score", "base_score"):
        assert published[column].astype(float).between(0, 100).all()
    assert published.drop(columns=["actual_outcome", "subject"]).notna().all(axis=None)
    academies = class_input.students.set_index("student_id")["tenant_id"]
    assert (published["student_id"].map(academies) == published["tenant_id"]).all()
    order = published.sort_values(KEY, kind="stable").index
    assert order.equals(published.index)


def test_who_has_left_has_no_rows(published: pd.DataFrame, class_input: OutlookInput) -> None:
    left = set(class_input.students.loc[class_input.students["withdrawn_date"].notna(), "student_id"])
    assert left & set(class_input.daily["student_id"])
    assert not left & set(published["student_id"])


def test_scores_are_those_of_the_models(
    published: pd.DataFrame, class_model: OutlookModel, class_input: OutlookInput
) -> None:
    told = asked(class_model, class_input)
    for name in PUBLISHED:
        rows = published[published["prediction_type"] == name].set_index("student_id")
        expected = told[name].set_index("student_id")["probability"].reindex(rows.index)
        np.testing.assert_allclose(rows["prediction_score"].astype(float), 100 * expected, atol=0.0051)
        answer = class_model.answers[name]
        assert answer.model is not None
        assert set(rows["base_score"]) == {round(100 * answer.model.base(), 2)}
        assert set(rows["basis"]) == {answer.in_use}
        assert len(rows) == len(told[name])


def test_factors_add_up_and_are_told_in_order(published: pd.DataFrame) -> None:
    for row in published.itertuples():
        factors = json.loads(row.contributing_factors)
        impacts = [factor["impact"] for factor in factors]
        assert sum(impacts) == pytest.approx(row.prediction_score - row.base_score, abs=0.5)
        assert impacts == sorted(impacts, key=lambda impact: -abs(impact))
        assert all(impact != 0 and round(impact, 1) == impact for impact in impacts)
        codes = [factor["factor"] for factor in factors]
        assert len(codes) == len(set(codes))
        assert set(codes) <= set(GROUPS[row.prediction_type])
        for factor in factors:
            assert set(factor) == {"factor", "impact", "description"}
            assert factor["description"] == f"{FACTOR_NAMES[factor['factor']]} {factor['impact']:+g}점"
    told = published.loc[published["basis"] == "additive", "contributing_factors"]
    assert (told != "[]").mean() > 0.9


def test_what_may_help_is_against_what_weighs_most(published: pd.DataFrame) -> None:
    said = set()
    for row in published.itertuples():
        worse = {
            factor["factor"]: factor["impact"] * (1 if RISES_WITH_RISK[row.prediction_type] else -1)
            for factor in json.loads(row.contributing_factors)
        }
        found = json.loads(row.recommended_interventions)
        if max(worse.values(), default=0) < 1:
            assert found == []
            continue
        heaviest = [code for code, impact in worse.items() if impact == max(worse.values())]
        expected = [(INTERVENTIONS[code].code, INTERVENTIONS[code].priority) for code in heaviest]
        assert len(found) == 1
        assert (found[0]["type"], found[0]["priority"]) in expected
        assert found[0]["description"] in {INTERVENTIONS[code].text for code in heaviest}
        said.add(found[0]["type"])
    assert len(said) > 2
    assert (published["recommended_interventions"] == "[]").any()


def test_sentences_are_korean_and_have_their_numbers(published: pd.DataFrame) -> None:
    for row in published.itertuples():
        assert re.search("[가-힣]", row.reasoning)
        assert not re.search(r"[{}]|nan|null|None", row.reasoning)
        assert f"{round(row.prediction_score)}%" in row.reasoning
        assert f"{round(row.base_score)}%)" in row.reasoning
    struggling = published[published["prediction_type"] == outcomes.STRUGGLE]
    assert all(row.reasoning.startswith(f"{row.subject} 계획을") for row in struggling.itertuples())


def test_one_subject_of_each_student_the_likeliest(
    published: pd.DataFrame, class_model: OutlookModel, class_input: OutlookInput
) -> None:
    struggling = published[published["prediction_type"] == outcomes.STRUGGLE]
    assert not struggling["student_id"].duplicated().any()
    assert set(struggling["subject"]) <= {"국어", "수학", "영어"}
    assert published.loc[published["prediction_type"] != outcomes.STRUGGLE, "subject"].isna().all()
    # Of two that are alike the first by name.
    weekly, scores = class_input.weekly, class_input.scores
    again = weekly.assign(subject_group="가 " + weekly["subject_group"])
    twice = replace(class_input, weekly=pd.concat([weekly, again]), scores=scores.head(0))
    assert asked(class_model, twice)[outcomes.STRUGGLE]["subject_group"].str.startswith("가 ").all()


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        (outcomes.SILENCE, "2026-09-07", "2026-10-04"),
        (outcomes.WEEK, "2026-09-07", "2026-09-13"),
        (outcomes.STRUGGLE, "2026-09-07", "2026-10-04"),
        (outcomes.READY, "2026-09-07", "2026-11-01"),
    ],
)
def test_the_days_that_it_is_about(published: pd.DataFrame, name: str, start: str, end: str) -> None:
    rows = published[published["prediction_type"] == name]
    assert set(rows["target_period_start"]) == {start}
    assert set(rows["target_period_end"]) == {end}


def test_subjects_are_of_the_weeks_from_monday_on(
    class_world: World, class_model: OutlookModel, nothing_published: pd.DataFrame
) -> None:
    rows = predictions(class_model, class_world.at(3), nothing_published)
    struggling = rows[rows["prediction_type"] == outcomes.STRUGGLE]
    assert set(struggling["target_period_start"]) == {"2026-09-07"}
    assert set(struggling["target_period_end"]) == {"2026-10-04"}
    assert set(rows.loc[rows["prediction_type"] == outcomes.WEEK, "target_period_start"]) == {"2026-09-10"}


@pytest.mark.parametrize(
    ("items", "confidence"),
    [(1, 0.3), (4, 0.3), (5, 0.5), (9, 0.5), (10, 0.7), (19, 0.7), (20, 0.85), (49, 0.85), (50, 0.95), (300, 0.95)],
)
def test_confidence_is_how_much_was_seen(
    items: int, confidence: float, class_model: OutlookModel, nothing_published: pd.DataFrame
) -> None:
    world = World()
    world.student("s")
    world.active("s", *[-1 - number % 84 for number in range(items)])
    for _ in range(60):
        world.item("s", -85, -85)
    rows = predictions(class_model, world.at(), nothing_published)
    assert set(rows["confidence"]) == {confidence}


def test_without_a_model_there_are_no_rows(
    class_model: OutlookModel, class_input: OutlookInput, nothing_published: pd.DataFrame, published: pd.DataFrame
) -> None:
    nothing = Answer(None, INSUFFICIENT, {})
    some = replace(class_model, answers={**class_model.answers, outcomes.SILENCE: nothing, outcomes.READY: nothing})
    rows = predictions(some, class_input, nothing_published)
    expected = published[published["prediction_type"].isin([outcomes.WEEK, outcomes.STRUGGLE])]
    pd.testing.assert_frame_equal(rows, expected.reset_index(drop=True))
    none = replace(class_model, answers=dict.fromkeys(class_model.answers, nothing))
    assert predictions(none, class_input, nothing_published).columns.tolist() == list(COLUMNS)
    assert predictions(none, class_input, nothing_published).empty
    assert asked(none, class_input) == {}


def test_twice_gives_the_same(class_model: OutlookModel, class_input: OutlookInput, published: pd.DataFrame) -> None:
    again = predictions(class_model, class_input, published)
    pd.testing.assert_frame_equal(again, published)
    as_read = published.assign(
        prediction_date=pd.to_datetime(published["prediction_date"]).astype("datetime64[s]"),
        actual_outcome=published["actual_outcome"].astype("float32"),
    )
    pd.testing.assert_frame_equal(predictions(class_model, class_input, as_read), published)


RUNS = (-98, -91, -90, -84, -56, -42, -14, -13, 0)


@pytest.fixture(scope="module")
def runs(class_world: World, class_model: OutlookModel, nothing_published: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """The table after each of some runs, each handed the one before as the database gives it."""
    tables: dict[int, pd.DataFrame] = {}
    table = nothing_published
    for day in RUNS:
        table = predictions(class_model, class_world.at(day), table)
        tables[day] = table
        table = table.assign(
            prediction_date=pd.to_datetime(table["prediction_date"]).astype("datetime64[s]"),
            actual_outcome=table["actual_outcome"].astype("float64"),
        )
    return tables


def days_of(table: pd.DataFrame) -> set[int]:
    return {int(day) for day in (pd.to_datetime(table["prediction_date"]) - pd.Timestamp(AS_OF)).dt.days}


def test_the_first_of_each_week_is_kept_for_twelve_weeks(runs: dict[int, pd.DataFrame]) -> None:
    """The latest is there too; on a Tuesday somebody may be asked about for the first time in a week."""
    first: dict[tuple[str, str, int], int] = {}
    for run in RUNS:
        table = runs[run]
        days = (pd.to_datetime(table["prediction_date"]) - pd.Timestamp(AS_OF)).dt.days
        keys = list(zip(table["student_id"], table["prediction_type"], days, strict=True))
        for student, name, day in keys:
            if day == run:
                first.setdefault((student, name, day // 7), day)
        here = set(table.loc[days == run, "student_id"])
        expected = {(*key[:2], day) for key, day in first.items() if run - 84 <= day < run and key[0] in here}
        assert {key for key in keys if key[2] < run and key[0] in here} == expected
        assert len(keys) == len(set(keys))
    assert {-98, -91} <= days_of(runs[-14])
    assert days_of(runs[-13]) >= {-91, -84, -56, -42, -14, -13}
    assert -98 not in days_of(runs[-13])
    assert days_of(runs[0]) - {-13} == {-84, -56, -42, -14, 0}


def test_kept_predictions_are_as_they_were(runs: dict[int, pd.DataFrame]) -> None:
    told = [column for column in COLUMNS if column not in ("prediction_date", "actual_outcome")]
    for before, after in pairwise(RUNS):
        old, new = (runs[day].assign(date=pd.to_datetime(runs[day]["prediction_date"])) for day in (before, after))
        both = new.merge(old, on=["student_id", "prediction_type", "date"], suffixes=("", "_old"))
        assert len(both) > 100
        for column in told:
            if column in KEY:
                continue
            assert (both[column].astype(object) == both[f"{column}_old"]).eq(both[column].notna()).all(), column
        was_told = both["actual_outcome_old"].notna()
        assert (both.loc[was_told, "actual_outcome"] == both.loc[was_told, "actual_outcome_old"]).all()


def test_what_came_of_them_is_filled_in_when_it_is_settled(runs: dict[int, pd.DataFrame]) -> None:
    for run, table in runs.items():
        age = run - (pd.to_datetime(table["prediction_date"]) - pd.Timestamp(AS_OF)).dt.days
        due = age >= table["prediction_type"].map(lambda name: settled_days(name, SMALL))
        assert table.loc[~due, "actual_outcome"].isna().all()
        for name in PUBLISHED:
            told = table.loc[due & (table["prediction_type"] == name), "actual_outcome"]
            assert not len(told) or told.notna().mean() > 0.5, (run, name)
    assert runs[0]["actual_outcome"].dropna().between(0, 100).all()


def test_what_came_of_them_is_what_happened(runs: dict[int, pd.DataFrame], class_world: World) -> None:
    """By the plan items themselves."""
    items, table = class_world.everything(), runs[0]
    left = {row["student_id"]: row["withdrawn"] for row in class_world.students}
    checked = dict.fromkeys((outcomes.WEEK, outcomes.STRUGGLE, outcomes.SILENCE), 0)
    for row in table[table["actual_outcome"].notna()].itertuples():
        day = (pd.Timestamp(row.prediction_date) - pd.Timestamp(AS_OF)).days
        own = items[items["student_id"] == row.student_id]
        if row.prediction_type == outcomes.WEEK:
            week = own[own["planned"].between(day, day + 6)]
            expected = 100 * (week["done"] - week["planned"] < 7).mean()
        elif row.prediction_type == outcomes.STRUGGLE:
            weeks = own[own["planned"].between(day, day + 27) & (own["subject_group"] == row.subject)]
            expected = 100.0 * ((weeks["done"] < weeks["planned"] // 7 * 7 + 7).mean() < 0.5)
        elif row.prediction_type == outcomes.SILENCE:
            groups = [e["cancelled"] for e in class_world.enrolments if e["student_id"] == row.student_id]
            assert np.isnan(groups[0])
            assert np.isnan(left[row.student_id]) or left[row.student_id] >= 0
            expected = 100.0 * (not own["done"].between(day + 14, day + 41).any())
        else:
            continue
        assert row.actual_outcome == pytest.approx(expected, abs=0.0051)
        checked[row.prediction_type] += 1
    assert min(checked.values()) > 30


def test_what_was_filled_in_is_never_changed(class_world: World, runs: dict[int, pd.DataFrame]) -> None:
    before = runs[-14].assign(actual_outcome=12.34)
    after = settled(before, class_world.at(0), SMALL)
    assert (after["actual_outcome"] == 12.34).all()


def test_who_leaves_takes_the_rows_along(runs: dict[int, pd.DataFrame], class_input: OutlookInput) -> None:
    name = runs[-14]["student_id"].iloc[0]
    students = class_input.students
    left = students.assign(withdrawn_date=students["withdrawn_date"].mask(students["student_id"] == name, date_of(-3)))
    kept = keep(runs[-14], replace(class_input, students=left), SMALL)
    assert name not in set(kept["student_id"])
    assert name in set(keep(runs[-14], class_input, SMALL)["student_id"])
    unknown = students[students["student_id"] != name]
    assert name not in set(keep(runs[-14], replace(class_input, students=unknown), SMALL)["student_id"])


def test_a_prediction_that_cannot_be_judged_stays_open(class_model: OutlookModel) -> None:
    """Two items are no rate: what came of the week is never told."""
    world = World()
    world.student("s")
    world.active("s", *range(-60, -50), -30, -29)
    before = predictions(class_model, world.at(-30), pd.DataFrame(columns=list(COLUMNS)))
    after = predictions(class_model, world.at(0), before)
    week = after[after["prediction_type"] == outcomes.WEEK]
    assert len(week) == 1
    assert week["actual_outcome"].isna().all()


def test_nobody_has_no_rows(class_model: OutlookModel, runs: dict[int, pd.DataFrame]) -> None:
    nobody = World().at()
    assert predictions(class_model, nobody, runs[-14]).empty
    empty = predictions(class_model, nobody, pd.DataFrame(columns=list(COLUMNS)))
    assert empty.columns.tolist() == list(COLUMNS)
