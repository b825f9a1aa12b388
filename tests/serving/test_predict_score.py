"""What `serving.predict_score` answers."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from tests.serving.world import (
    CALCULUS,
    MATH,
    NEW,
    NOBODY,
    OTHER_TENANT,
    READING,
    STUDENT,
    TENANT,
    UNSORTED,
)

ALIASES = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds" / "subject_aliases.csv"
SAID = {
    "subject_group": "수학",
    "tenant_id": TENANT,
    "scale": "percentile",
    "interval_basis": "calibrated",
    "scales": "{}",
    "reasoning": "",
    "run_id": "run-1",
    "model_version": "score-1",
    "computed_at": "2026-11-23",
}


def add(connection: psycopg.Connection[Any], table: str, **values: Any) -> None:
    row = SAID | values
    connection.execute(
        sql.SQL("insert into serving.{} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Literal, row.values())),
        )
    )


def predict(connection: psycopg.Connection[Any], kind: str, day: str, numbers: tuple[float, ...], **more: Any) -> None:
    """A row of STUDENT; its texts say of which day they are."""
    names = ("predicted_score", "lower", "upper", "lower_90", "upper_90", "confidence")
    said = {
        **{"student_id": STUDENT, "exam_kind": kind, "target_date": day, "current_score": 60, "trend": "stable"},
        **{"factors": json.dumps([{"code": "cohort_mean", "day": day}]), "scales": json.dumps({"day": day})},
        **{"reasoning": day, "past_exam_count": int(day[-2:]), "basis": f"basis of {day}"},
    }
    add(connection, "score_predictions", **said | dict(zip(names, numbers, strict=True)) | more)


@pytest.fixture(autouse=True)
def rows(owner: psycopg.Connection[Any]) -> None:
    """Mock predictions for two days, an internal one for a single day, and cohorts of three kinds."""
    predict(owner, "mock", "2026-12-01", (60, 50, 70, 44, 76, 0.6))
    predict(owner, "mock", "2026-12-11", (70, 40, 90, 34, 96, 0.4))
    predict(owner, "internal", "2026-12-15", (80, 75, 85, 72, 88, 0.8))
    for tenant, school, year, kind, score in [
        (TENANT, "HIGH", 2, "mock", 52),
        (TENANT, "HIGH", 2, "internal", 53),
        (TENANT, "HIGH", 0, "mock", 54),
        (TENANT, "", 0, "mock", 55),
        (OTHER_TENANT, "HIGH", 2, "mock", 90),
    ]:
        add(
            owner, "fallback_score_predictions", tenant_id=tenant, school_type=school, school_year_level=year,
            exam_kind=kind, predicted_score=score, lower=10, upper=90, lower_90=5, upper_90=95, confidence=0.2,
            interval_basis="uncalibrated", student_count=6, scales='{"rank_grade_levels": 9}', reasoning="평균이에요.",
            basis="insufficient_data",
        )  # fmt: skip


def answer(
    connection: psycopg.Connection[Any], student: UUID, day: str | None, subject: UUID = CALCULUS
) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select exam_kind, predicted_score, lower, upper, round(confidence::numeric, 3)::float as confidence, source"
        " from serving.predict_score(%s, %s, %s)",
        [student, subject, day],
    ).fetchall()


def details(connection: psycopg.Connection[Any], student: UUID, day: str, subject: UUID = CALCULUS) -> Any:
    """All columns of the mock row."""
    return connection.execute(
        "select * from serving.predict_score(%s, %s, %s, 'mock')", [student, subject, day]
    ).fetchone()


def test_a_published_day_is_given_as_it_is(owner: psycopg.Connection[Any]) -> None:
    assert answer(owner, STUDENT, "2026-12-11") == [
        ("mock", 70, 40, 90, 0.4, "personal"), ("internal", 80, 75, 85, 0.8, "personal"),
    ]  # fmt: skip


def test_between_two_days_lies_the_line(owner: psycopg.Connection[Any]) -> None:
    assert answer(owner, STUDENT, "2026-12-04")[0] == ("mock", 63, 47, 76, 0.54, "personal")
    found = details(owner, STUDENT, "2026-12-04")
    assert (found.lower_90, found.upper_90) == (41, 82)


@pytest.mark.parametrize(
    ("day", "nearer"),
    [
        ("2026-11-25", "2026-12-01"),
        ("2026-12-05", "2026-12-01"),
        ("2026-12-06", "2026-12-01"),
        ("2026-12-07", "2026-12-11"),
        ("2027-03-01", "2026-12-11"),
    ],
)
def test_what_is_no_number_is_the_nearer_days(owner: psycopg.Connection[Any], day: str, nearer: str) -> None:
    found = details(owner, STUDENT, day)
    assert found.factors == [{"code": "cohort_mean", "day": nearer}]
    assert (found.scales, found.reasoning, found.basis) == ({"day": nearer}, nearer, f"basis of {nearer}")
    assert (found.past_exam_count, found.scale, found.interval_basis) == (int(nearer[-2:]), "percentile", "calibrated")
    assert (found.subject_group, found.predicted_for, found.current_score) == ("수학", day, 60)


def test_days_on_different_scales_are_not_mixed(owner: psycopg.Connection[Any]) -> None:
    predict(owner, "mock", "2026-12-21", (90, 85, 95, 80, 100, 0.9), scale="raw_score")
    found = [details(owner, STUDENT, day) for day in ("2026-12-15", "2026-12-16", "2026-12-17")]
    assert [(row.scale, row.predicted_score, row.upper_90) for row in found] == [
        ("percentile", 70, 96), ("percentile", 70, 96), ("raw_score", 90, 100),
    ]  # fmt: skip


@pytest.mark.parametrize(("day", "score"), [("2026-11-23", 60), ("2027-06-01", 70), ("2027-11-23", 70)])
def test_outside_the_days_the_nearest_holds(owner: psycopg.Connection[Any], day: str, score: float) -> None:
    assert [row[:2] for row in answer(owner, STUDENT, day)] == [("mock", score), ("internal", 80)]


@pytest.mark.parametrize("day", ["2026-11-22", "2027-11-24", None])
def test_the_past_and_more_than_a_year_ahead_are_not_predicted(owner: psycopg.Connection[Any], day: str | None) -> None:
    assert answer(owner, STUDENT, day) == []
    assert answer(owner, NEW, day) == []


def test_without_rows_the_cohort_answers(owner: psycopg.Connection[Any]) -> None:
    assert answer(owner, NEW, "2026-12-01") == [
        ("mock", 52, 10, 90, 0.2, "cohort"), ("internal", 53, 10, 90, 0.2, "cohort"),
    ]  # fmt: skip
    assert answer(owner, UNSORTED, "2026-12-01") == [("mock", 55, 10, 90, 0.2, "cohort")]
    found = details(owner, NEW, "2026-12-01")
    assert (found.current_score, found.lower_90, found.upper_90, found.past_exam_count) == (None, 5, 95, 0)
    assert (found.trend, found.factors, found.reasoning) == ("unknown", [], "평균이에요.")
    assert (found.scale, found.scales) == ("percentile", {"rank_grade_levels": 9})
    assert (found.interval_basis, found.basis) == ("uncalibrated", "insufficient_data")


def test_one_kind_alone(owner: psycopg.Connection[Any]) -> None:
    one = "select exam_kind, source from serving.predict_score(%s, %s, '2026-12-01', only_kind => %s)"
    assert owner.execute(one, [STUDENT, CALCULUS, "internal"]).fetchall() == [("internal", "personal")]
    assert owner.execute(one, [NEW, CALCULUS, "internal"]).fetchall() == [("internal", "cohort")]
    # The cohort answers for the kind alone of which there is nothing of the student's own.
    owner.execute("delete from serving.score_predictions where exam_kind = 'internal'")
    assert owner.execute(one, [STUDENT, CALCULUS, "internal"]).fetchall() == [("internal", "cohort")]
    assert [row.source for row in answer(owner, STUDENT, "2026-12-01")] == ["personal"]


def test_what_nobody_knows_has_no_row(owner: psycopg.Connection[Any]) -> None:
    assert answer(owner, STUDENT, "2026-12-01", READING) == []
    assert answer(owner, STUDENT, "2026-12-01", NOBODY) == []
    assert answer(owner, NOBODY, "2026-12-01") == []


def test_stale_rows_say_so_and_nothing_published_answers_nothing(owner: psycopg.Connection[Any]) -> None:
    owner.execute("update serving.publication set valid_until = now() - interval '1 second'")
    assert {row[-1] for row in answer(owner, STUDENT, "2026-12-01")} == {"stale"}
    owner.execute("delete from serving.publication")
    assert answer(owner, STUDENT, "2026-12-01") == []


@pytest.mark.parametrize("name", ["수학", "수리 영역", " MATH ", "미적분"])
def test_a_group_under_another_name_finds_the_rows_of_its_own(owner: psycopg.Connection[Any], name: str) -> None:
    owner.execute("update public.subject_groups set name = %s where id = %s", [name, MATH])
    for student, source in ((STUDENT, "personal"), (NEW, "cohort")):
        found = details(owner, student, "2026-12-01")
        assert (found.subject_group, found.source) == ("수학", source)


def test_each_alias_of_dbt_is_known_and_any_other_name_is_itself(owner: psycopg.Connection[Any]) -> None:
    with ALIASES.open(encoding="utf-8") as file:
        promised = {row["alias"]: row["subject_group"] for row in csv.DictReader(file)}
    promised |= {group: group for group in promised.values()}
    spellings = {
        spelling: group
        for alias, group in promised.items()
        for spelling in (alias, f"  {alias.upper()} ", " ".join(alias))
    }
    others = {" 제2외국어 ": "제2외국어", "Self Study ": "self study", "수학 심화": "수학 심화", "": None, "  ": None}
    found = dict(
        owner.execute(
            "select name, serving.subject_group_name(name) from unnest(%s::text[]) as name", [[*spellings, *others]]
        ).fetchall()
    )
    assert found == spellings | others
    assert owner.execute("select serving.subject_group_name(null)").fetchone() == (None,)


def test_rows_that_cannot_be_meant_are_refused(owner: psycopg.Connection[Any]) -> None:
    numbers = (60, 50, 70, 44, 76, 0.6)
    for wrong in (
        {"lower_90": 51},
        {"upper_90": 69},
        {"lower_90": -1},
        {"upper_90": 101},
        {"scale": "rank_grade"},
        {"interval_basis": ""},
        {"past_exam_count": -1},
        {"scales": "[]"},
        {"reasoning": None},
    ):
        with pytest.raises(psycopg.IntegrityError), owner.transaction():
            predict(owner, "mock", "2026-12-20", numbers, **wrong)
    with pytest.raises(psycopg.errors.CheckViolation), owner.transaction():
        owner.execute("update serving.fallback_score_predictions set student_count = 4")


def test_an_answer_among_many_rows_takes_less_than_two_milliseconds(owner: psycopg.Connection[Any]) -> None:
    """A tenth of that where nothing else runs; a plan that reads the table takes fifty."""
    owner.execute(
        """
        insert into serving.score_predictions (
            student_id, subject_group, exam_kind, target_date, tenant_id, predicted_score, lower, upper, lower_90,
            upper_90, confidence, trend, factors, interval_basis, past_exam_count, scales, reasoning, basis, run_id,
            model_version, computed_at
        )
        select gen_random_uuid(), '수학', kind, date '2026-11-30' + 7 * week, %s, 60, 50, 70, 40, 80, 0.5, 'stable',
            '[]', 'calibrated', 3, '{}', '', 'x', 'run-1', '1', now()
        from generate_series(1, 1000), unnest(array['mock', 'internal']) as kind, generate_series(0, 25) as week
        """,
        [TENANT],
    )
    owner.execute("analyze serving.score_predictions")
    times = []
    for _ in range(50):
        started = time.perf_counter()
        assert len(answer(owner, STUDENT, "2026-12-04")) == 2
        times.append(time.perf_counter() - started)
    assert median(times) < 0.002
