"""Evidence for warnings: what speaks for each type, what a counsellor is told, and when somebody fell silent."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.outlook import outcomes
from ml_assets.outlook.evidence import (
    BURNOUT,
    COLUMNS,
    DROP,
    EXAM,
    NO_CAUSE,
    OVERLOAD,
    QUESTION,
    STREAK,
    STRUGGLE,
    daily_burnout,
    evidence,
    silences,
)
from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import INSUFFICIENT, Answer, OutlookModel
from ml_assets.outlook.publication import asked
from tests.ml_assets.outlook.worlds import AS_OF, SMALL, TODAY, World, date_of, features_of

KEY = ["student_id", "warning_type", "subject"]
LEFT = {f"s{number:03}": float(number) for number in range(50) if number % 7}
"""Days to the next exam of most students, from 1 to 49."""

never = np.nan


def ahead(days: dict[str, float] | None = None) -> pd.DataFrame:
    chosen = LEFT if days is None else days
    return pd.DataFrame({"student_id": list(chosen), "days_left": list(chosen.values())})


@pytest.fixture(scope="module")
def found(class_model: OutlookModel, class_input: OutlookInput) -> pd.DataFrame:
    return evidence(class_model, class_input, ahead())


def test_columns_and_keys(found: pd.DataFrame, class_input: OutlookInput) -> None:
    assert found.columns.tolist() == list(COLUMNS)
    assert set(found["warning_type"]) == set(QUESTION)
    assert not found.duplicated(KEY).any()
    assert found["probability"].astype(float).between(0, 1).all()
    assert set(pd.to_datetime(found["evidence_date"])) == {pd.Timestamp(AS_OF)}
    assert ((found["subject"] != "") == (found["warning_type"] == STRUGGLE)).all()
    students = class_input.students.set_index("student_id")
    assert (found["student_id"].map(students["tenant_id"]) == found["tenant_id"]).all()
    assert found["student_id"].map(students["withdrawn_date"]).isna().all()
    assert found.notna().all(axis=None)


def of(found: pd.DataFrame, kind: str) -> pd.DataFrame:
    return found[found["warning_type"] == kind].set_index("student_id")


def test_probabilities_are_those_of_the_models(
    found: pd.DataFrame, class_model: OutlookModel, class_input: OutlookInput
) -> None:
    told = {name: rows.set_index("student_id") for name, rows in asked(class_model, class_input).items()}
    for kind in (BURNOUT, DROP):
        expected = told[QUESTION[kind]]["probability"]
        np.testing.assert_allclose(of(found, kind)["probability"].astype(float).reindex(expected.index), expected)
    likeliest = of(found, STRUGGLE).groupby("student_id")["probability"].max().astype(float)
    expected = told[outcomes.STRUGGLE]["probability"]
    np.testing.assert_allclose(likeliest.reindex(expected.index), expected)


def test_without_its_cause_a_type_is_not_likely(
    found: pd.DataFrame, class_model: OutlookModel, class_input: OutlookInput
) -> None:
    features = features_of(class_input, 0)
    told = {name: rows.set_index("student_id")["probability"] for name, rows in asked(class_model, class_input).items()}
    is_over = features["load_ratio"] >= 1.5
    days = class_input.daily[(class_input.daily["ticked_count"] > 0) | class_input.daily["net_seconds"].notna()]
    numbers = (
        days.assign(day=(days["activity_date"] - pd.Timestamp(AS_OF)).dt.days).groupby("student_id")["day"].agg(set)
    )
    broken = numbers.map(lambda own: max(own) <= -2 and {max(own) - 1, max(own) - 2} <= own)
    near = pd.Series(LEFT) <= 28
    for kind, cause, likely in (
        (OVERLOAD, is_over, told[outcomes.OVERLOAD]),
        (STREAK, broken, told[outcomes.IDLE]),
        (EXAM, near, 1 - told[outcomes.READY]),
    ):
        rows = of(found, kind)
        has_cause = cause.reindex(rows.index, fill_value=False).astype(bool)
        assert 0 < has_cause.sum() < len(rows), kind
        probability = rows["probability"].astype(float)
        assert (probability[~has_cause] == 0).all()
        np.testing.assert_allclose(probability[has_cause], likely.reindex(rows.index)[has_cause])
        assert (probability[has_cause] > 0).any()
        assert ((rows["reasoning"] == NO_CAUSE[kind]) == ~has_cause).all()


def test_an_exam_near_and_far(class_model: OutlookModel, class_input: OutlookInput) -> None:
    some = ahead({"s001": 28, "s002": 29, "s003": 0, "s005": never})
    rows = of(evidence(class_model, class_input, some), EXAM)["probability"].astype(float)
    assert (rows[["s001", "s003"]] > 0).all()
    assert (rows.drop(["s001", "s003"]) == 0).all()
    assert len(rows) > 30
    assert (of(evidence(class_model, class_input, ahead({})), EXAM)["probability"] == 0).all()


def test_without_a_model_a_type_has_no_rows(class_model: OutlookModel, class_input: OutlookInput) -> None:
    nothing = Answer(None, INSUFFICIENT, {})
    for kind, question in QUESTION.items():
        some = replace(class_model, answers={**class_model.answers, question: nothing})
        assert set(evidence(some, class_input, ahead())["warning_type"]) == set(QUESTION) - {kind}
    none = replace(class_model, answers=dict.fromkeys(class_model.answers, nothing))
    empty = evidence(none, class_input, ahead())
    assert empty.empty
    assert empty.columns.tolist() == list(COLUMNS)


NUMBERS = {
    BURNOUT: {"current_rate", "previous_rate", "days_since_active"},
    DROP: {"current_rate", "previous_rate"},
    STREAK: {"current_rate", "previous_rate", "days_since_active"},
    OVERLOAD: {"current_rate", "previous_rate", "load_ratio"},
    STRUGGLE: {"current_rate", "previous_rate", "affected_subjects"},
    EXAM: {"current_rate", "previous_rate", "days_left"},
}


def test_what_a_counsellor_is_told(found: pd.DataFrame, class_input: OutlookInput) -> None:
    features = features_of(class_input, 0)
    for row in found.itertuples():
        context = json.loads(row.context)
        assert set(context) == NUMBERS[row.warning_type]
        assert re.search("[가-힣]", row.reasoning)
        assert not re.search(r"[{}]|nan|null", row.reasoning)
        percent = f"{round(100 * row.probability)}%"
        if row.probability > 0:
            assert percent in row.reasoning
        own = features.loc[row.student_id]
        if "days_since_active" in context:
            assert context["days_since_active"] == own["days_since_active"]
        if row.warning_type == STRUGGLE:
            assert context["affected_subjects"] == [row.subject]
            assert row.reasoning.startswith(f"{row.subject} 계획을")
        elif row.warning_type == EXAM:
            assert context["days_left"] == LEFT.get(row.student_id)
            assert context["current_rate"] == round(100 * own["completion_28d"])
        else:
            assert context["previous_rate"] == round(100 * own["completion_84d"])
            week = own["completion_7d"]
            assert context["current_rate"] == (None if np.isnan(week) else round(100 * week))


def test_any_name_of_a_subject_is_json(class_model: OutlookModel, class_input: OutlookInput) -> None:
    name = 'a "b" \\ {percent}'
    other = replace(class_input, weekly=class_input.weekly.replace({"subject_group": {"수학": name}}))
    rows = of(evidence(class_model, other, ahead()), STRUGGLE)
    own = rows[rows["subject"] == name]
    assert len(own) > 20
    assert all(json.loads(text)["affected_subjects"] == [name] for text in own["context"])
    assert own["reasoning"].str.startswith(f"{name} 계획을").all()


def test_the_evidence_of_a_past_day_is_what_it_was(
    class_world: World, class_model: OutlookModel, class_later: OutlookInput
) -> None:
    """From frames of eight weeks later, whole weeks before."""
    days = [-28, -7, 0]
    found = daily_burnout(class_model, class_later, np.array([TODAY + day for day in days]))
    assert set(found["warning_type"]) == {BURNOUT}
    assert set(found["subject"]) == {""}
    assert not found.duplicated(["student_id", "evidence_date"]).any()
    for day in days:
        then = of(evidence(class_model, class_world.at(day), ahead({})), BURNOUT)
        again = found[found["evidence_date"] == date_of(day)].set_index("student_id")
        assert set(again.index) == set(then.index)
        assert len(then) > 30
        np.testing.assert_allclose(again["probability"].reindex(then.index), then["probability"].astype(float))
        assert (again["tenant_id"].reindex(then.index) == then["tenant_id"]).all()


def test_there_is_no_past_evidence_without_a_model(class_model: OutlookModel, class_later: OutlookInput) -> None:
    answers = {**class_model.answers, outcomes.SILENCE: Answer(None, INSUFFICIENT, {})}
    with pytest.raises(ValueError, match="no model of falling silent"):
        daily_burnout(replace(class_model, answers=answers), class_later, np.array([TODAY]))


def events(world: World, since: int = -60, known: int = 0) -> list[tuple[str, int]]:
    rows = silences(world.at(known), TODAY + since, SMALL)
    days = (rows["event_date"] - pd.Timestamp(AS_OF)).dt.days
    return sorted(zip(rows["student_id"], (int(day) for day in days), strict=True))


def one_student(*days: int, withdrawn: float = never) -> World:
    world = World()
    world.student("s", withdrawn=withdrawn)
    world.active("s", *days)
    world.student("t")  # whose days lie beside those of s
    world.active("t", *range(-70, 0, 10))
    return world


SILENT = {
    "four weeks without anything": (one_student(-50, -29), [("s", -15)]),
    "not yet four weeks": (one_student(-50, -28), []),
    "back after four weeks": (one_student(-50, -40, -11, -1), [("s", -26)]),
    "back before": (one_student(-50, -40, -12, -1), []),
    "twice": (one_student(-59, -30), [("s", -45), ("s", -16)]),
    "before the days in question": (one_student(-75, -46, -40, -20), []),
    "on the first of them": (one_student(-74, -30, -20), [("s", -60)]),
    "never active": (one_student(), []),
    "withdrawn": (one_student(*range(-60, -10), withdrawn=-10), [("s", -10)]),
    "withdrawn while active": (one_student(*range(-60, -9), withdrawn=-10), [("s", -10)]),
    "silent, then withdrawn": (one_student(-50, -40, withdrawn=-10), [("s", -26)]),
    "will withdraw": (one_student(*range(-60, 0), withdrawn=0), []),
    "withdrawn long ago": (one_student(-200, withdrawn=-100), []),
}


@pytest.mark.parametrize(("world", "expected"), SILENT.values(), ids=SILENT)
def test_when_somebody_fell_silent(world: World, expected: list[tuple[str, int]]) -> None:
    assert events(world) == expected


def test_withdrawing_on_the_last_active_day_is_one_event() -> None:
    assert events(one_student(*range(-60, -39), withdrawn=-40)) == [("s", -40)]


def enrolled(*spans: tuple[int, int, float]) -> World:
    world = one_student(*range(-70, 0, 3))
    for span in spans:
        world.enrol("s", *span)
    return world


CANCELLED = {
    "the only one": (enrolled((-90, 90, -20)), [("s", -20)]),
    "one of two": (enrolled((-90, 90, -20), (-90, 90, never)), []),
    "one after the other": (enrolled((-90, 90, -20), (-90, 90, -30)), [("s", -20)]),
    "both on a day": (enrolled((-90, 90, -20), (-90, 90, -20)), [("s", -20)]),
    "another was over": (enrolled((-90, 90, -20), (-90, -21, never)), [("s", -20)]),
    "before it began": (enrolled((-10, 90, -20)), []),
    "after it was over": (enrolled((-90, -30, -20)), []),
    "long ago, and again": (enrolled((-200, 90, -100), (-90, 90, -20)), [("s", -20)]),
    "tomorrow": (enrolled((-90, 90, 1)), []),
}


@pytest.mark.parametrize(("world", "expected"), CANCELLED.values(), ids=CANCELLED)
def test_when_all_was_cancelled(world: World, expected: list[tuple[str, int]]) -> None:
    assert events(world) == expected


def test_an_early_event_hides_no_later_one() -> None:
    """An enrolment cancelled a year ago says nothing of a student who is silent now."""
    world = one_student(*range(-300, -39, 5))
    world.enrol("s", -320, -200, -280)
    assert events(world) == [("s", -26)]
    assert events(World()) == []
