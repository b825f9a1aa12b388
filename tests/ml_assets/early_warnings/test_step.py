"""One night: what is raised, what stays, what ends and why, each against an answer known beforehand."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ml_assets.early_warnings.config import SEVERITIES, TYPES, EarlyWarningConfig, WarningRule
from ml_assets.early_warnings.inputs import WARNINGS
from tests.ml_assets.early_warnings.worlds import (
    BURNOUT,
    DROP,
    PLENTY,
    STRUGGLE,
    actions,
    context,
    day,
    evidence,
    night,
    nights,
    no_state,
    one,
    students,
)


def midnight(number: int) -> pd.Timestamp:
    return pd.Timestamp(day(number), tz="Asia/Seoul")


def ended(row: pd.Series) -> str | None:
    """Why a warning ended; None while it is open. Both columns must agree."""
    found = context(row).get("resolution", {}).get("code")
    assert pd.isna(row["resolved_at"]) == (found is None)
    return found


def test_it_is_raised_at_the_threshold_with_everything_the_app_reads() -> None:
    row = one(night(day(0), [("s1", STRUGGLE, "수학", 0.5)]).warnings)
    assert dict(row.drop(["id", "context_data", "recommended_actions", "resolved_at"])) == {
        "student_id": "s1",
        "tenant_id": "t1",
        "warning_type": STRUGGLE,
        "subject": "수학",
        "detected_date": pd.Timestamp(day(0)),
        "severity": "high",
        "detected_at": midnight(0),
        "probability": 0.5,
        "reasoning": "2026-03-02에 본 이유",
    }
    assert pd.isna(row["resolved_at"])
    assert uuid.UUID(row["id"]).version == 5
    assert context(row) == {
        "current_rate": 0.5,
        "tracking": {"raised_probability": 0.5, "low_since": None, "missing_since": None},
    }
    told = json.loads(row["recommended_actions"])
    assert [action["priority"] for action in told] == [1, 2, 3]
    assert "수학" in told[0]["text"]


def test_types_of_the_columns_hold_with_and_without_rows() -> None:
    for table in (night(day(0), []).warnings, night(day(0), [("s1", DROP, "", 0.9)]).warnings):
        assert {name: str(kind) for name, kind in table.dtypes.items()} == dict(WARNINGS)


@pytest.mark.parametrize("probability", [0.0, 0.349, 0.499, 0.4994, None, np.nan])
def test_under_the_threshold_nothing_is_raised(probability: float | None) -> None:
    assert night(day(0), [("s1", DROP, "", probability)]).warnings.empty


def test_every_type_can_be_raised_and_has_actions() -> None:
    found = night(day(0), [("s1", name, "", 0.9) for name in TYPES]).warnings
    assert set(found["warning_type"]) == set(TYPES)
    for text in found["recommended_actions"]:
        assert "{" not in "".join(action["text"] for action in json.loads(text))


def test_it_stays_open_between_the_thresholds_and_is_kept_up_to_date() -> None:
    row = one(nights([0.6, 0.4, 0.4, 0.4, 0.4, 0.36])[-1])
    assert ended(row) is None
    assert (row["detected_date"], row["detected_at"]) == (pd.Timestamp(day(0)), midnight(0))
    assert (row["probability"], row["reasoning"]) == (0.36, "2026-03-07에 본 이유")
    assert context(row)["current_rate"] == 0.36
    assert context(row)["tracking"]["raised_probability"] == 0.6


def test_it_ends_after_three_low_days_in_a_row() -> None:
    tables = nights([0.6, 0.1, 0.2, 0.349])
    assert [ended(one(table)) for table in tables] == [None, None, None, "improved"]
    row = one(tables[-1])
    assert row["resolved_at"] == midnight(3)
    assert context(row)["tracking"]["low_since"] == "2026-03-03"
    assert context(row)["resolution"]["text"]


@pytest.mark.parametrize("between", [0.35, 0.9, None])
def test_a_day_that_is_not_low_begins_the_count_anew(between: float | None) -> None:
    tables = nights([0.6, 0.1, 0.1, between, 0.1, 0.1, 0.1])
    assert [ended(one(table)) for table in tables] == [None] * 6 + ["improved"]


def test_without_evidence_it_stays_for_two_weeks_as_it_was() -> None:
    tables = nights([0.6, *[None] * 14])
    assert [ended(one(table)) for table in tables] == [None] * 14 + ["no_evidence"]
    before = one(tables[5])
    assert (before["probability"], before["severity"]) == (0.6, "high")
    assert before["reasoning"] == "2026-03-02에 본 이유"
    assert context(before)["current_rate"] == 0.6


def test_evidence_begins_the_missing_days_anew() -> None:
    assert ended(one(nights([0.6, *[None] * 13, 0.6, *[None] * 13])[-1])) is None


def test_unknown_and_old_evidence_is_none() -> None:
    state = nights([0.6])[-1]
    for seen in ([("s1", DROP, "", np.nan)], evidence(day(-1), [("s1", DROP, "", 0.1)])):
        row = one(night(day(1), seen, state).warnings)
        assert context(row)["tracking"]["missing_since"] == "2026-03-03"
        assert row["probability"] == 0.6
    row = one(night(day(1), evidence(day(0), [("s1", DROP, "", 0.7)]), state).warnings)
    assert row["probability"] == 0.7


@pytest.mark.parametrize(("verdict", "code"), [("resolved", "staff_resolved"), ("dismissed", "staff_dismissed")])
def test_staff_end_it(verdict: str, code: str) -> None:
    state = nights([0.9])[-1]
    row = one(nights([0.9], first=1, state=state, said=actions([(one(state), verdict, day(0))]))[-1])
    assert (ended(row), row["resolved_at"]) == (code, midnight(1))


@pytest.mark.parametrize("verdict", ["acknowledged", "contacted_student", "adjusted_schedule", "reduced_load"])
def test_other_verdicts_leave_it_open(verdict: str) -> None:
    state = nights([0.9])[-1]
    said = actions([(one(state), verdict, day(0))])
    assert ended(one(nights([0.9], first=1, state=state, said=said)[-1])) is None


def test_a_dismissal_outweighs_what_else_was_said() -> None:
    state = nights([0.9])[-1]
    said = actions([(one(state), kind, day(0)) for kind in ("resolved", "dismissed", "acknowledged")])
    assert ended(one(nights([0.9], first=1, state=state, said=said)[-1])) == "staff_dismissed"


def test_a_verdict_of_another_academy_or_warning_says_nothing() -> None:
    state = nights([0.9])[-1]
    said = actions([(one(state), "dismissed", day(0))])
    for foreign in (said.assign(tenant_id="t2"), said.assign(warning_id="another")):
        assert ended(one(nights([0.9], first=1, state=state, said=foreign)[-1])) is None


def test_who_left_or_moved_to_another_academy_is_warned_of_no_more() -> None:
    state = nights([0.9])[-1]
    gone = one(night(day(1), [("s1", DROP, "", 0.9)], state, who=students("s2")).warnings)
    assert ended(gone) == "student_left"
    moved = evidence(day(1), [("s1", DROP, "", 0.9)], {"s1": "t2"})
    table = night(day(1), moved, state, who=students("s1", tenant_id="t2")).warnings
    assert ended(one(table)) == "student_left"
    # The old academy's evidence of a student who moved raises nothing, and neither does a stranger's.
    assert night(day(1), [("s1", DROP, "", 0.9)], who=students("s1", tenant_id="t2")).warnings.empty


def detected(tables: list[pd.DataFrame]) -> list[int]:
    return [(date.date() - day(0)).days for date in tables[-1]["detected_date"]]


def test_it_comes_again_only_after_more_than_seven_days() -> None:
    assert detected(nights([0.9, 0, 0, 0, *[0.9] * 7])) == [0]
    assert detected(nights([0.9, 0, 0, 0, *[0.9] * 8])) == [0, 11]


def comes_again(state: pd.DataFrame, number: int, said: pd.DataFrame | None = None) -> bool:
    return len(night(day(number), [("s1", DROP, "", 0.9)], state, said=said).warnings) == 2


def test_after_a_dismissal_it_stays_away_for_four_weeks() -> None:
    state = nights([0.9])[-1]
    said = actions([(one(state), "dismissed", day(0))])
    dismissed = nights([0.9], first=1, state=state, said=said)[-1]
    # With the verdict still there, and after the app has forgotten it: it stands in the warning itself.
    for known in (said, None):
        assert [comes_again(dismissed, number, known) for number in (9, 29, 30)] == [False, False, True]


def test_a_dismissal_counts_for_a_warning_that_had_ended_by_itself() -> None:
    state = nights([0.9, 0, 0, 0])[-1]
    said = actions([(one(state), "dismissed", day(3))])
    assert [comes_again(state, number, said) for number in (11, 31, 32)] == [False, False, True]
    assert comes_again(state, 11)


def test_types_and_subjects_do_not_hinder_each_other() -> None:
    state = nights([0.9])[-1]
    seen = [
        ("s1", DROP, "", 0.9),
        ("s1", STRUGGLE, "수학", 0.9),
        ("s1", STRUGGLE, "영어", 0.9),
        ("s1", DROP, "국어", 0.9),
    ]
    table = night(day(1), seen, state).warnings
    assert len(table) == 4
    assert table["id"].is_unique


def test_ended_warnings_are_kept_180_days_unchanged() -> None:
    table = nights([0.9, 0, 0, 0])[-1]
    # As Postgres writes jsonb, which is not as we do.
    table["context_data"] = table["context_data"].str.replace(": ", ":  ")
    for number in (4, 3 + 180):
        assert_frame_equal(night(day(number), [], table).warnings, table)
    assert night(day(3 + 181), [], table).warnings.empty


def test_who_returns_after_a_year_is_a_new_case() -> None:
    table = nights([0.9, 0, 0, 0])[-1]
    row = one(night(day(365), [("s1", DROP, "", 0.9)], table).warnings)
    assert row["detected_date"] == pd.Timestamp(day(365))


# Severity


def test_severity_is_probability_times_harm() -> None:
    def severity(probability: float, harm: float) -> str:
        return one(night(day(0), evidence(day(0), [("s1", DROP, "", probability)], harm=harm)).warnings)["severity"]

    assert severity(0.5, 0.5) == "low"
    assert severity(0.6, 0.5) == "medium"  # 0.3 exactly
    assert severity(0.9, 0.5) == "high"  # 0.45 exactly
    assert severity(0.649, 1.0) == "high"
    assert severity(0.65, 1.0) == "critical"


def test_severity_rises_at_once_and_falls_only_when_clearly_lower() -> None:
    tables = nights([0.5, 0.66, 0.64, 0.6, 0.599, 0.64, 0.9, 0.36])
    found = [one(table)["severity"] for table in tables]
    assert found == ["high", "critical", "critical", "critical", "high", "high", "critical", "medium"]
    assert set(found) <= set(SEVERITIES)


# Budget


def crowd(count: int, tenant_id: str = "t1") -> pd.DataFrame:
    return students(*(f"{tenant_id}-{number:04}" for number in range(count)), tenant_id=tenant_id)


def all_at(who: pd.DataFrame, on: dt.date, probability: float = 0.9) -> pd.DataFrame:
    tenants = dict(zip(who["student_id"], who["tenant_id"], strict=True))
    return evidence(on, [(name, DROP, "", probability) for name in who["student_id"]], tenants)


@pytest.mark.parametrize(("count", "budget"), [(7, 5), (100, 5), (119, 5), (120, 6), (1000, 50)])
def test_the_budget_grows_with_the_academy(count: int, budget: int) -> None:
    done = night(day(0), all_at(crowd(count), day(0)), who=crowd(count), config=EarlyWarningConfig())
    assert len(done.warnings) == budget
    assert one(done.held_back).tolist() == ["t1", DROP, count - budget]


def test_what_is_raised_in_a_week_counts_until_sunday_even_if_it_ended() -> None:
    who, config, state, raised = crowd(40), EarlyWarningConfig(), None, []
    for number in range(15):
        seen = all_at(who, day(number))
        said = None
        if state is not None:
            said = actions([(row, "resolved", day(number - 1)) for _, row in state.iterrows()])
        state = night(day(number), seen, state, who=who, said=said, config=config).warnings
        raised.append(int((state["detected_date"] == pd.Timestamp(day(number))).sum()))
    assert raised == [5, 0, 0, 0, 0, 0, 0] * 2 + [5]


def test_a_week_begins_on_monday_whenever_the_first_run_is() -> None:
    who = crowd(40)
    thursday = night(day(3), all_at(who, day(3)), who=who, config=EarlyWarningConfig()).warnings
    sunday = night(day(6), all_at(who, day(6)), thursday, who=who, config=EarlyWarningConfig()).warnings
    monday = night(day(7), all_at(who, day(7)), sunday, who=who, config=EarlyWarningConfig()).warnings
    assert [len(table) for table in (thursday, sunday, monday)] == [5, 5, 10]


def test_the_most_certain_and_most_harmful_come_first_and_ties_break_on_id() -> None:
    who = crowd(9)
    names = list(who["student_id"])
    seen = evidence(day(0), [(name, DROP, "", 0.8) for name in names[:7]], harm=0.5)
    worst = pd.concat(
        [
            evidence(day(0), [(names[8], DROP, "", 0.6)], harm=0.9),  # 0.54
            evidence(day(0), [(names[7], BURNOUT, "", 0.55)], harm=1.0),  # 0.55
        ]
    )
    config = EarlyWarningConfig(weekly_least=4)
    table = night(day(0), pd.concat([seen, worst]), who=who, config=config).warnings
    assert sorted(table["student_id"]) == [names[0], names[1], names[7], names[8]]
    config = replace(config, weekly_least=1)
    assert one(night(day(0), pd.concat([seen, worst]), who=who, config=config).warnings)["student_id"] == names[7]


def test_a_critical_one_waits_for_the_next_week_too() -> None:
    who = crowd(6)
    state = night(day(0), all_at(who.head(5), day(0), 0.5), who=who, config=EarlyWarningConfig()).warnings
    for number in range(1, 8):
        done = night(day(number), all_at(who, day(number), 0.99), state, who=who, config=EarlyWarningConfig())
        state = done.warnings
        assert len(state) == (6 if number == 7 else 5)
        assert len(done.held_back) == (0 if number == 7 else 1)


def test_two_academies_have_a_budget_each() -> None:
    who = pd.concat([crowd(200), crowd(50, "t2")])
    done = night(day(0), all_at(who, day(0)), who=who, config=EarlyWarningConfig())
    assert done.warnings["tenant_id"].value_counts().to_dict() == {"t1": 10, "t2": 5}
    assert done.held_back["held_back_count"].tolist() == [190, 45]


# Running again


def test_the_same_night_twice_gives_the_same_rows() -> None:
    story = [0.6, 0.1, 0.1, 0.1, 0.9, None, *[0.9] * 8]
    state = None
    for number, probability in enumerate(story):
        seen = [] if probability is None else [("s1", DROP, "", probability)]
        first = night(day(number), seen, state).warnings
        # Both from what was there before, and from the table as it has been published since.
        assert_frame_equal(night(day(number), seen, state).warnings, first)
        assert_frame_equal(night(day(number), seen, first).warnings, first)
        state = first
    assert len(state) == 2


def test_an_earlier_night_undoes_what_later_ones_wrote() -> None:
    tables = nights([0.6, 0.1, 0.1, 0.1, *[0.9] * 10])
    assert len(tables[-1]) == 2
    row = one(night(day(1), [("s1", DROP, "", 0.1)], tables[-1]).warnings)
    assert ended(row) is None
    assert context(row)["tracking"]["low_since"] == "2026-03-03"
    later = nights([0.6, 0.9, 0.9, 0.1])[-1]
    row = one(night(day(1), [("s1", DROP, "", 0.1)], later).warnings)
    assert context(row)["tracking"]["low_since"] == "2026-03-03"


def test_a_probability_in_single_precision_is_the_same_one() -> None:
    state = nights([0.57])[-1]
    state["probability"] = state["probability"].astype("float32")
    assert one(night(day(1), [], state).warnings)["probability"] == 0.57


def test_nobody_at_all() -> None:
    done = night(day(0), [], who=students())
    assert done.warnings.empty
    assert done.held_back.empty
    assert list(done.held_back.columns) == ["tenant_id", "warning_type", "held_back_count"]
    assert night(day(0), [("s1", DROP, "", 1.0)], no_state(), who=students()).warnings.empty


# Config


@pytest.mark.parametrize(
    "wrong", [{"raise_at": 0.3}, {"clear_at": 0.5}, {"clear_at": 0.0}, {"raise_at": 1.1}, {"harm": 0.0}, {"harm": 1.5}]
)
def test_a_rule_without_hysteresis_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie"):
        WarningRule(**{"harm": 1.0, **wrong})


def test_a_config_that_would_forget_or_skip_is_refused() -> None:
    for wrong, words in (
        ({"rules": {}}, "no rule for burnout_risk"),
        ({"dismissed_cool_down_days": 3}, "cool-down"),
        ({"keep_days": 20}, "cool-down"),
        ({"severity_from": (0.5, 0.4, 0.6)}, "severity_from"),
        ({"severity_margin": 0.4}, "severity_from"),
        ({"clear_days": 0}, "at least 1"),
    ):
        with pytest.raises(ValueError, match=words):
            replace(PLENTY, **wrong)
