"""The figures of a window of days, against answers by hand; and the same warnings as night by night."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.early_warnings.backtest import evaluate_warnings
from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.inputs import BacktestInput
from ml_assets.early_warnings.rules import IDLE, RULES, SILENT
from tests.ml_assets.early_warnings.worlds import BURNOUT, DROP, PLENTY, day, evidence, night, students

WINDOW = 42


def followed(levels: dict[str, list[float | None]], tenants: dict[str, str] | None = None) -> pd.DataFrame:
    """Evidence of each day from Monday on; None is a day without."""
    days = range(max(len(own) for own in levels.values()))
    return pd.concat(
        evidence(
            day(number),
            [(name, BURNOUT, "", own[number]) for name, own in levels.items() if own[number] is not None],
            tenants,
        )
        for number in days
    )


def plain(*rows: tuple[str, int, int, float], rule: str = IDLE) -> pd.DataFrame:
    """student, first and last day on which the rule holds, value."""
    made = [(name, day(number), rule, value) for name, low, high, value in rows for number in range(low, high + 1)]
    return pd.DataFrame(made, columns=["student_id", "alert_date", "rule", "value"])


def events(*rows: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame([(name, day(number)) for name, number in rows], columns=["student_id", "event_date"])


def judged(
    seen: pd.DataFrame,
    happened: pd.DataFrame,
    rule_days: pd.DataFrame | None = None,
    who: pd.DataFrame | None = None,
    config: EarlyWarningConfig = PLENTY,
) -> dict[str, Any]:
    who = students(*"abcdefgh") if who is None else who
    return evaluate_warnings(BacktestInput(who, seen, plain() if rule_days is None else rule_days, happened), config)


CALM = [0.1] * WINDOW


def risen(at: int, last: int = WINDOW) -> list[float | None]:
    return [0.9 if at <= number < last else 0.1 for number in range(WINDOW)]


def test_precision_recall_and_lead_of_the_warnings() -> None:
    seen = followed({"a": risen(3), "b": risen(5), "c": risen(0), "d": risen(30), "e": CALM, "f": risen(2)})
    happened = events(("a", 10), ("b", 32), ("c", 28), ("d", 50), ("e", 20), ("stranger", 4))
    found = judged(seen, happened)
    # a (7 days before) and b (27 days) and d are right; c is a day too early; f never falls silent.
    assert (found["students"], found["days"], found["alerts"]) == (8, WINDOW, 5)
    assert found["precision"] == 3 / 5
    # Of the events in the window, those of a, b, c and e, two were caught.
    assert (found["events"], found["recall"]) == (4, 2 / 4)
    assert found["median_lead_days"] == 17.0
    assert (found["held_back"], found["flaps_per_student"]) == (0, 0.0)


def test_what_a_warning_said_came_true_or_not() -> None:
    """By the outcome of the day on which it was raised, where that is known."""
    seen = followed({"a": risen(3), "b": risen(5), "c": risen(7), "d": CALM})
    known = {("a", day(3)): 1.0, ("a", day(2)): 0.0, ("b", day(5)): 0.0, ("b", day(6)): 1.0}
    raised = [known.get(key) for key in zip(seen["student_id"], seen["evidence_date"], strict=True)]
    assert judged(seen.assign(outcome=raised), events())["came_true"] == 1 / 2
    assert judged(seen, events())["came_true"] is None


def test_nothing_raised_and_nothing_happened_have_no_shares() -> None:
    found = judged(followed({"a": CALM}), events())
    assert (found["alerts"], found["precision"], found["recall"], found["median_lead_days"]) == (0, None, None, None)
    for name in RULES:
        assert found["baselines"][name]["alerts"] == 0
        assert found["baselines"][name]["precision"] is None
    nobody = judged(evidence(day(0), []), events(), who=students())
    assert (nobody["days"], nobody["alerts"]) == (0, 0)


def test_a_plain_rule_raises_as_many_each_week_the_worst_first_then_by_id() -> None:
    # One warning in the first week and two in the second.
    seen = followed({"a": risen(0), "b": risen(7), "c": risen(8), "d": CALM})
    rule_days = plain(("h", 0, 3, 9.0), ("g", 0, 20, 8.0), ("f", 7, 20, 8.0), ("e", 8, 20, 30.0))
    found = judged(seen, events(("h", 5), ("f", 9), ("g", 10), ("e", 10)), rule_days)["baselines"][IDLE]
    # h is worst on the first day; f and g tie on the eighth and fill the week, so e waits in vain.
    assert (found["alerts"], found["alerts_without_budget"]) == (3, 4)
    assert found["precision"] == 1.0
    assert found["recall"] == 3 / 4
    assert found["median_lead_days"] == 3.0


def test_a_spell_is_one_alert_and_a_new_one_another() -> None:
    seen = followed({name: risen(0) for name in "abcd"} | {"e": CALM})
    found = judged(seen, events(), plain(("h", 0, 2, 1.0), ("h", 4, 6, 1.0)))["baselines"][IDLE]
    assert (found["alerts"], found["flaps_per_student"]) == (2, 1 / 8)


@pytest.mark.parametrize(("gap", "flaps"), [(7, 1), (8, 0)])
def test_a_condition_flaps_when_it_is_off_for_no_more_than_seven_days(gap: int, flaps: int) -> None:
    rule_days = plain(("h", 0, 2, 1.0), ("h", 3 + gap, 20, 1.0), rule=SILENT)
    found = judged(followed({"a": CALM}), events(), rule_days)["baselines"]
    assert found[SILENT]["flaps_per_student"] == flaps / 8
    assert found[IDLE]["flaps_per_student"] == 0.0


def test_the_budget_of_one_academy_is_not_spent_by_the_other() -> None:
    tenants = {name: "t1" if name in "abcd" else "t2" for name in "abcdefgh"}
    who = pd.DataFrame({"student_id": list(tenants), "tenant_id": list(tenants.values())})
    seen = followed({"a": risen(0), "e": risen(7), "f": CALM}, tenants)
    rule_days = plain(("b", 0, 20, 1.0), ("c", 0, 20, 2.0), ("g", 0, 20, 9.0), ("h", 0, 20, 8.0))
    happened = events(("c", 0), ("g", 7), ("b", 5), ("h", 5))
    found = judged(seen, happened, rule_days, who)["baselines"][IDLE]
    # t1 gets one alert in the first week, c's; t2 one in the second, g's.
    assert (found["alerts"], found["precision"], found["median_lead_days"]) == (2, 1.0, 0.0)


def test_what_the_budget_holds_back_is_counted() -> None:
    seen = followed({name: risen(0) for name in "abcdefgh"})
    found = judged(seen, events(), config=EarlyWarningConfig())
    assert (found["alerts"], found["held_back"]) == (8, 3 * 7)


def test_alerts_outside_the_window_and_of_strangers_do_not_count() -> None:
    seen = followed({"a": risen(0)})
    rule_days = pd.concat([plain(("b", -5, -1, 1.0)), plain(("b", WINDOW, WINDOW + 3, 1.0)), plain(("x", 0, 9, 1.0))])
    assert judged(seen, events(), rule_days)["baselines"][IDLE]["alerts_without_budget"] == 0


def test_it_runs_the_same_nights_as_the_job() -> None:
    rng = np.random.default_rng(5)
    names = [f"s{number:02}" for number in range(20)]
    who = students(*names)
    level, state, held_back, parts = rng.random(20), None, 0, []
    config = EarlyWarningConfig()
    for number in range(30):
        level = np.clip(level + rng.normal(0, 0.3, 20), 0, 1)
        rows = [(name, DROP, "", float(p)) for name, p in zip(names, level, strict=True) if rng.random() > 0.1]
        seen = evidence(day(number), rows)
        done = night(day(number), seen, state, who=who, config=config)
        state, held_back = done.warnings, held_back + int(done.held_back["held_back_count"].sum())
        parts.append(seen)
    found = judged(
        pd.concat(parts).sample(frac=1, random_state=1), events(*((n, 28) for n in names)), None, who, config
    )
    assert (found["alerts"], found["held_back"]) == (len(state), held_back)
    right = (state["detected_date"] > pd.Timestamp(day(0))) & (state["detected_date"] <= pd.Timestamp(day(28)))
    assert found["precision"] == pytest.approx(right.mean())
    assert held_back > 0


def test_a_day_without_any_evidence_is_still_a_day() -> None:
    levels: list[float | None] = [0.9, *[None] * 20, 0.1]
    found = judged(followed({"a": levels}), events(("a", 3)))
    assert (found["days"], found["alerts"], found["precision"]) == (22, 1, 1.0)
