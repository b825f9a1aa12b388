"""The app's formula by hand, and that each defect is blamed for what it does and for nothing else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.subject_risk.legacy import DEFECTS, compare, old_formula
from ml_assets.subject_risk.publication import risks
from tests.ml_assets.subject_risk.worlds import AS_OF, frames, made, placed, score

DATES = ("2025-09-01", "2025-11-01", "2026-03-01", "2026-06-01", "2026-08-01")


def graded(grades: list[float], raws: list[float], kind: str = "mock", levels: float = 9.0) -> list[dict[str, Any]]:
    """Exams of one student with these 등급 and raw scores, each at the middle of its 등급 of nine."""
    middles = [98, 92.5, 83, 68.5, 50, 31.5, 17, 7.5, 2]
    return [
        placed(
            "a", "국어", date, middles[int(grade) - 1], kind, rank_grade=grade, rank_grade_levels=levels, raw_score=raw
        )
        for date, grade, raw in zip(DATES, grades, raws, strict=False)
    ]


def old(rows: list[dict[str, Any]], amount: float | None = None) -> float:
    inputs = frames(rows)
    amounts = pd.DataFrame({"student_id": ["a"], "subject_group": ["국어"], "completed_amount": [amount]})
    return float(old_formula(inputs.scores, amounts if amount is not None else None)["old_risk"].item())


def test_by_hand() -> None:
    # Mean of 4, 3, 5 is 4; up by 2; deviation of 60, 80, 70, 50 is 11.18; gain 2 - 5 is none.
    assert old(graded([2, 4, 3, 5], [60, 80, 70, 50])) == pytest.approx(
        0.4 * 37.5 + 0.3 * 40 + 0.2 * 11.180339887 / 20 * 100 + 5
    )


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0.0, 0.0), (1000.0, 0.0), (4000.0, 0.1 * 50 * 0.75), (None, 0.0)],
    ids=["no study: 10 × gain", "1 per 1000", "a quarter per 1000", "unknown"],
)
def test_gain_by_amount(amount: float | None, expected: float) -> None:
    """From 3 to 2 is a gain of 1; mean 2.5; no fall; raw scores equal."""
    assert old(graded([3, 2], [70, 70]), amount) == pytest.approx(0.4 * 1.5 / 8 * 100 + expected)


def test_undated_scores_come_first_whatever_their_term() -> None:
    rows = [*graded([2], [70]), placed("a", "국어", "2026-07-10", 2.0, "internal", rank_grade=9.0, raw_score=70.0)]
    # The mock exam counts as the last one: from 9 to 2 is a gain, and nothing fell.
    assert old(rows) == pytest.approx(0.4 * 4.5 / 8 * 100)
    step = compare(frames(rows))
    assert step["undated_internal_scores"].item() == pytest.approx(0.3 * 100 + 5)


def test_without_scores_there_is_nothing() -> None:
    assert old_formula(frames([]).scores).empty
    assert risks(frames([], studied=[("a", "국어")]))["legacy_risk_score"].tolist() == [0.0]


def test_differences_add_up_and_have_a_name() -> None:
    inputs, _, _ = made(students=80)
    rows = compare(inputs)
    known = rows.dropna(subset=["new_risk"])
    assert len(known) > 200
    total = known["old_risk"] + known[list(DEFECTS)].sum(axis=1)
    assert total.to_numpy() == pytest.approx(known["new_risk"].to_numpy())
    published = risks(inputs).set_index(["student_id", "subject"])["risk_score"]
    assert known.set_index(["student_id", "subject_group"])["new_risk"].equals(
        published.dropna().rename("new_risk").rename_axis(["student_id", "subject_group"])
    )
    apart = known[(known["old_risk"] - known["new_risk"]).abs() >= 0.6]
    assert (apart["codes"] != "[]").all()
    told = {code for text in rows["codes"] for code in json.loads(text)}
    assert told <= set(DEFECTS)


def step(rows: list[dict[str, Any]], name: str, **more: Any) -> float:
    return float(compare(frames(rows, **more))[name].item())


CLEAN = graded([3, 3, 4, 3, 3], [70, 72, 65, 71, 70])
"""Mock exams alone, nine 등급, ranked, one a day."""


@pytest.mark.parametrize(
    "name",
    [
        *("undated_internal_scores", "mixed_grade_scales", "ungraded_scores_left_out", "absolute_grades_as_ranks"),
        *("coarse_grades", "same_day_scores_apart", "deprecated_amount"),
    ],
)
def test_a_defect_that_is_not_there_is_not_blamed(name: str) -> None:
    assert step(CLEAN, name) == pytest.approx(0.0, abs=1e-6)


def test_one_kind_alone_is_not_thrown_together() -> None:
    assert step(CLEAN, "kinds_thrown_together") == pytest.approx(0.0, abs=1e-6)


def test_five_grades_among_nine() -> None:
    """2 of five stands for 3 of nine: two of the last three are one 등급 better than they are."""
    rows = [
        *graded([3], [70]),
        *(dict(one, rank_grade=2.0, rank_grade_levels=5.0) for one in graded([3, 3, 3], [70] * 3)[1:]),
    ]
    assert old(rows) == pytest.approx(0.4 * (7 / 3 - 1) / 8 * 100)
    # The mean is one third less, and the gain of one 등급 from 3 to 2 that spares five points was never there.
    assert step(rows, "mixed_grade_scales") == pytest.approx(0.4 * (2 / 3) / 8 * 100 + 5)


def test_scores_without_a_grade() -> None:
    rows = [placed("a", "국어", date, 50.0, "internal", raw_score=70.0) for date in DATES]
    assert step(rows, "ungraded_scores_left_out") == pytest.approx(0.4 * 50)
    assert "ungraded_scores_left_out" in json.loads(compare(frames(rows))["codes"].item())


def test_the_middle_of_a_grade() -> None:
    rows = [dict(one, percentile=60.0) for one in graded([5, 5, 5], [70] * 3)]
    assert step(rows, "coarse_grades") < -1.0


def test_points_of_an_easy_exam() -> None:
    """Everybody reaches 등급 2 or 3 of 절대평가: the middle of the class is no better than the middle."""
    others = [
        one
        for number in range(60)
        for date in DATES[:3]
        for one in (
            placed(f"s{number:02}", "국어", date, 2.0 + 1.6 * number, rank_grade=5.0, rank_grade_levels=9.0),
            score(
                f"s{number:02}",
                "영어",
                date,
                rank_grade=2.0 + number // 30,
                rank_grade_levels=9.0,
                raw_score=70.0 + number / 3,
            )
            | {"percentile": 92.5, "percentile_basis": "absolute_grade"},
        )
    ]
    rows = compare(frames(others)).set_index(["student_id", "subject_group"])["absolute_grades_as_ranks"]
    assert rows["s05", "영어"] > 10.0
    assert rows.xs("국어", level="subject_group").abs().max() == 0.0


def test_two_subjects_of_a_day() -> None:
    last = placed("a", "국어", DATES[4], 50.0, rank_grade=5.0, rank_grade_levels=9.0, raw_score=70.0, score_id="z")
    rows = [*graded([3, 3, 3, 3, 3], [70] * 5), last]
    # From 3 to 5 on one day is a fall by 2; as one exam it is 4, a fall by 1. The mean goes from 11/3 to 10/3.
    assert step(rows, "same_day_scores_apart") == pytest.approx(-0.3 * 20 - 0.4 * (1 / 3) / 8 * 100)


def test_study_in_plans() -> None:
    rows = graded([4, 3], [70, 70])
    # A gain of one 등급: ten times it without known study, half of it per 100 of 200 plans.
    assert step(rows, "deprecated_amount", done={("a", "국어"): 200.0}) == pytest.approx(0.1 * 50 * 0.5)


def test_a_change_of_the_kind_is_no_fall() -> None:
    inside = [placed("a", "국어", date, 90.0, "internal") for date in DATES[:2]]
    outside = [placed("a", "국어", date, 40.0) for date in DATES[2:]]
    assert step(inside + outside, "kinds_thrown_together") < -1.0


def test_long_steady_series_have_little_to_shrink() -> None:
    rng = np.random.default_rng(0)
    dates = pd.date_range("2024-01-01", periods=31, freq="MS").strftime("%Y-%m-%d")
    long = [placed("a", "국어", date, float(50 + rng.normal())) for date in dates]
    short = [placed("a", "국어", date, value) for date, value in zip(DATES, (80.0, 5.0), strict=False)]
    assert abs(step(long, "few_scores_not_shrunk")) < 6 < abs(step(short, "few_scores_not_shrunk"))


def test_so_many_students_by_id() -> None:
    inputs, _, _ = made(students=30)
    assert compare(inputs, students=10)["student_id"].unique().tolist() == [f"s{number:04}" for number in range(10)]
    assert inputs.as_of == AS_OF


GRADES = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(["mock", "internal"]), st.sampled_from([5.0, 9.0]), st.floats(0, 100)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=30, deadline=None)
@given(GRADES)
def test_any_scores_add_up(values: list[tuple[int, str, float, float]]) -> None:
    dates = pd.date_range("2025-01-01", periods=8, freq="MS").strftime("%Y-%m-%d")
    rows = [
        placed(
            "a", "국어", date, percentile, kind, rank_grade=float(grade), rank_grade_levels=levels, raw_score=percentile
        )
        for date, (grade, kind, levels, percentile) in zip(dates, values, strict=False)
    ]
    found = compare(frames(rows))
    assert 0 <= found["old_risk"].item() <= 100
    if len(values) >= 2:
        assert found["old_risk"].item() + found[list(DEFECTS)].sum(axis=1).item() == pytest.approx(
            found["new_risk"].item()
        )
    else:
        assert found["new_risk"].isna().all()
        assert json.loads(found["codes"].item()) == ["no_data_is_zero"]
