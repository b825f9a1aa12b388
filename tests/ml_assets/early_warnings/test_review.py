"""A month of warnings: what is counted, and which threshold would have served better."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.inputs import ReviewInput
from ml_assets.early_warnings.review import REVIEWS, review
from tests.ml_assets.early_warnings.worlds import BURNOUT, DROP, actions, no_state, one, students

AS_OF = dt.date(2026, 5, 1)
MARCH, APRIL = dt.date(2026, 3, 10), dt.date(2026, 4, 20)
CONFIG = EarlyWarningConfig(review_min_cases=10, review_min_events=5)


def warning(
    student: str, on: dt.date, ended: dt.date | None = None, raised: float = 0.6, **changed: Any
) -> dict[str, Any]:
    detected = pd.Timestamp(on, tz="Asia/Seoul").tz_convert("UTC")
    return {
        "id": f"{student}-{on}",
        "student_id": student,
        "tenant_id": "t1",
        "warning_type": DROP,
        "subject": "",
        "detected_date": pd.Timestamp(on),
        "severity": "high",
        "detected_at": detected,
        "resolved_at": None if ended is None else pd.Timestamp(ended, tz="Asia/Seoul").tz_convert("UTC"),
        "context_data": json.dumps({"tracking": {"raised_probability": raised}}),
        "recommended_actions": "[]",
        "probability": 0.3,
        "reasoning": "",
        **changed,
    }


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    empty = no_state()
    return pd.DataFrame(rows, columns=empty.columns).astype(empty.dtypes.to_dict()) if rows else empty


def outcomes(*rows: tuple[str, dt.date], warning_type: str = DROP) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["student_id", "event_date"])
    return made.assign(warning_type=warning_type, subject="")


def logged(rows: list[tuple[str, dt.date, float]], tenant_id: str = "t1") -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["student_id", "evidence_date", "probability"])
    return made.assign(tenant_id=tenant_id, warning_type=DROP, subject="")


def reviewed(
    warnings: pd.DataFrame,
    said: pd.DataFrame | None = None,
    happened: pd.DataFrame | None = None,
    log: pd.DataFrame | None = None,
    as_of: dt.date = AS_OF,
    who: pd.DataFrame | None = None,
    config: EarlyWarningConfig = CONFIG,
) -> pd.DataFrame:
    return review(
        ReviewInput(
            as_of=as_of,
            students=students("s1") if who is None else who,
            warnings=warnings,
            actions=actions() if said is None else said,
            outcomes=outcomes() if happened is None else happened,
            logged=logged([]) if log is None else log,
        ),
        config,
    )


def later(days: int, on: dt.date = MARCH) -> dt.date:
    return on + dt.timedelta(days=days)


def test_a_month_is_counted_by_verdicts_and_events() -> None:
    warnings = table(
        *(warning(name, MARCH, later(9)) for name in ("acted", "dismissed", "both", "read", "wrong but true")),
        warning("event", MARCH),
        warning("nothing", MARCH),
        warning("too late", MARCH),
    )
    rows = {row["student_id"]: row for _, row in warnings.iterrows()}
    said = actions(
        [
            (rows["acted"], "contacted_student", later(2)),
            (rows["both"], "contacted_student", later(2)),
            (rows["both"], "dismissed", later(3)),
            (rows["dismissed"], "dismissed", later(1)),
            (rows["wrong but true"], "dismissed", later(1)),
            (rows["read"], "acknowledged", later(1)),
        ]
    )
    happened = outcomes(
        ("event", later(10)), ("wrong but true", later(20)), ("too late", later(28)), ("acted", later(-1))
    )
    row = one(reviewed(warnings, said, happened))
    assert dict(row.drop(["proposed_threshold", "proposed_precision_share"])) == {
        "tenant_id": "t1",
        "month": "2026-03",
        "warning_type": DROP,
        "raised_count": 8,
        "resolved_count": 5,
        "confirmed_count": 3,
        "dismissed_count": 3,
        "precision_share": 3 / 8,
        "median_lead_days": 15.0,
        "threshold": 0.5,
    }
    assert pd.isna(row["proposed_threshold"])
    assert pd.isna(row["proposed_precision_share"])


def test_a_young_warning_is_judged_only_by_what_is_known() -> None:
    warnings = table(warning("waits", APRIL), warning("event", APRIL), warning("dismissed", APRIL))
    said = actions([(warnings.iloc[2], "dismissed", later(1, APRIL))])
    row = one(reviewed(warnings, said, outcomes(("event", later(3, APRIL)))))
    assert (row["raised_count"], row["precision_share"]) == (3, 0.5)
    row = one(reviewed(table(warning("waits", APRIL))))
    assert pd.isna(row["precision_share"])
    assert pd.isna(row["median_lead_days"])


def test_only_complete_months_are_reviewed_and_no_more_than_three() -> None:
    warnings = table(*(warning("s1", dt.date(2026, month, 28)) for month in (1, 2, 3, 4, 5, 6)))
    found = reviewed(warnings, as_of=dt.date(2026, 6, 29))
    assert found["month"].tolist() == ["2026-03", "2026-04", "2026-05"]
    assert reviewed(warnings, as_of=dt.date(2026, 7, 1))["month"].tolist() == ["2026-04", "2026-05", "2026-06"]


def test_academies_and_types_are_apart() -> None:
    warnings = table(
        warning("a", MARCH), warning("a", MARCH, warning_type=BURNOUT), warning("b", MARCH, tenant_id="t2")
    )
    found = reviewed(warnings, happened=outcomes(("a", later(5))))
    assert found[["tenant_id", "warning_type", "confirmed_count"]].to_numpy().tolist() == [
        ["t1", BURNOUT, 0],
        ["t1", DROP, 1],
        ["t2", DROP, 0],
    ]
    foreign = actions([(warnings.iloc[2], "contacted_student", later(1))]).assign(tenant_id="t1")
    assert reviewed(warnings, foreign)["confirmed_count"].sum() == 0


# The proposed threshold


def graded(tenant_id: str = "t1", shift: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fifty students with a probability each: at 0.75 nine of ten have the event, at 0.55 three of forty."""
    rows, events = [], []
    for number in range(50):
        name = f"{tenant_id}-{number:02}"
        is_high = number < 10
        rows.append((name, later(shift), 0.75 if is_high else 0.55))
        if (is_high and number) or 10 <= number < 13:
            events.append((name, later(shift + 7)))
    return logged(rows, tenant_id), outcomes(*events)


def test_the_threshold_of_the_highest_precision_that_catches_half_is_proposed() -> None:
    log, happened = graded()
    row = one(reviewed(no_state(), happened=happened, log=log))
    assert row["raised_count"] == 0
    # 0.6, 0.65, 0.7 and 0.75 raise the same ten: the lowest of equals.
    assert row["proposed_threshold"] == 0.6
    assert row["proposed_precision_share"] == 0.9


def test_a_threshold_that_misses_more_than_allowed_is_not_proposed() -> None:
    log, happened = graded()
    strict = EarlyWarningConfig(review_min_cases=10, review_min_events=5, review_caught_share=0.8)
    row = one(
        reviewed(no_state(), happened=happened, log=log, config=strict, who=students(*(f"x{n}" for n in range(99))))
    )
    # Nine of twelve are too few, and ten alerts on one day fill the budget of five a week: it is the best again.
    assert row["proposed_threshold"] == 0.6
    spread = pd.concat([log, logged([("x", later(-7 * 8), 0.01)])])
    row = one(reviewed(no_state(), happened=happened, log=spread, config=strict).query("month == '2026-03'"))
    # Over nine weeks ten alerts do not fill it.
    assert (row["proposed_threshold"], row["proposed_precision_share"]) == (0.05, 12 / 50)


@pytest.mark.parametrize("least", [{"review_min_cases": 51}, {"review_min_events": 13}])
def test_on_too_little_nothing_is_proposed(least: dict[str, int]) -> None:
    log, happened = graded()
    config = EarlyWarningConfig(**{"review_min_cases": 50, "review_min_events": 12, **least})
    row = one(reviewed(no_state(), happened=happened, log=log, config=config))
    assert pd.isna(row["proposed_threshold"])
    enough = EarlyWarningConfig(review_min_cases=50, review_min_events=12)
    assert one(reviewed(no_state(), happened=happened, log=log, config=enough))["proposed_threshold"] == 0.6


def test_days_whose_events_are_not_all_known_teach_nothing() -> None:
    log, happened = graded(shift=20)  # 30 March: its 28 days end with 26 April

    def proposed(as_of: dt.date) -> float:
        found = reviewed(no_state(), happened=happened[happened["event_date"] < as_of], log=log, as_of=as_of)
        return float(one(found)["proposed_threshold"])

    assert proposed(dt.date(2026, 4, 27)) == 0.6
    assert np.isnan(proposed(dt.date(2026, 4, 26)))


def test_a_month_learns_of_earlier_days_and_not_of_later_ones() -> None:
    log, happened = graded()
    other = logged([("z", dt.date(2026, 2, 20), 0.1), ("z", dt.date(2026, 4, 2), 0.1)])
    unforeseen = outcomes(*((f"t1-{number:02}", dt.date(2026, 4, 20)) for number in range(20, 50)))
    found = reviewed(
        no_state(),
        happened=pd.concat([happened, unforeseen]),
        log=pd.concat([log, other]),
        as_of=dt.date(2026, 5, 30),
    )
    assert found["month"].tolist() == ["2026-02", "2026-03", "2026-04"]
    # By the end of April nine of 42 events are too few to catch: then more alerts are the better threshold.
    np.testing.assert_equal(found["proposed_threshold"].tolist(), [np.nan, 0.6, 0.15])


def test_the_same_days_above_are_one_alert_until_a_week_below() -> None:
    def share(gap: int) -> float:
        """Precision when twelve students are above on two days, with an event after the second alone."""
        rows = [(f"s{n}", later(at), 0.9) for n in range(12) for at in (-9, -9 + gap)]
        happened = outcomes(*((f"s{n}", later(-9 + gap + 26)) for n in range(12)))
        row = one(reviewed(no_state(), happened=happened, log=logged(rows)))
        return float(row["proposed_precision_share"])

    assert share(8) == 0.0
    assert share(9) == 0.5


def test_without_a_log_the_warnings_stand_with_what_they_were_raised_at() -> None:
    warnings = table(*(warning(f"s{n:02}", MARCH, raised=0.8 if n < 10 else 0.55) for n in range(20)))
    happened = outcomes(*((f"s{n:02}", later(9)) for n in range(10)))
    row = one(reviewed(warnings, happened=happened))
    assert (row["proposed_threshold"], row["proposed_precision_share"]) == (0.6, 1.0)


def test_help_that_prevented_an_event_does_not_teach_that_the_warning_was_wrong() -> None:
    warnings = table(*(warning(f"s{n:02}", MARCH, raised=0.8 if n < 10 else 0.55) for n in range(20)))
    said = actions((row, "adjusted_schedule", later(2)) for _, row in warnings.head(10).iterrows())
    row = one(reviewed(warnings, said))
    assert (row["proposed_threshold"], row["proposed_precision_share"]) == (0.6, 1.0)
    dismissed = actions((row, "dismissed", later(2)) for _, row in warnings.iterrows())
    assert pd.isna(one(reviewed(warnings, dismissed))["proposed_threshold"])


def test_order_of_rows_is_nothing_and_nobody_is_nothing() -> None:
    log, happened = graded()
    warnings = table(*(warning(f"t1-{n:02}", MARCH) for n in range(12)))
    found = reviewed(warnings, happened=happened, log=log)
    again = reviewed(
        *(frame.sample(frac=1, random_state=3) for frame in (warnings, actions(), happened, log)),
    )
    assert_frame_equal(found, again)
    empty = reviewed(no_state())
    assert empty.empty
    for rows in (found, empty):
        assert {name: str(kind) for name, kind in rows.dtypes.items()} == REVIEWS
    assert not np.isinf(found.select_dtypes("number")).any(axis=None)
