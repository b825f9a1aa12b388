"""What `serving.predict_score` answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.serving.world import CALCULUS, NEW, NOBODY, OTHER_TENANT, READING, STUDENT, TENANT, UNSORTED


@pytest.fixture(autouse=True)
def rows(owner: psycopg.Connection[Any]) -> None:
    """Mock predictions for two days, an internal one for a single day, and cohorts of three kinds."""
    owner.cursor().executemany(
        "insert into serving.score_predictions values"
        " (%s, '수학', %s, %s, %s, 60, %s, %s, %s, %s, 'stable', '[]', 'hierarchical', 'run-1', 'score-1', now())",
        [
            (STUDENT, "mock", "2026-12-01", TENANT, 60, 50, 70, 0.6),
            (STUDENT, "mock", "2026-12-11", TENANT, 70, 40, 90, 0.4),
            (STUDENT, "internal", "2026-12-15", TENANT, 80, 75, 85, 0.8),
        ],
    )
    owner.cursor().executemany(
        "insert into serving.fallback_score_predictions values"
        " (%s, %s, %s, '수학', %s, %s, 10, 90, 0.2, 'cohort_mean', 'run-1', 'score-1', now())",
        [
            (TENANT, "HIGH", 2, "mock", 52),
            (TENANT, "HIGH", 2, "internal", 53),
            (TENANT, "HIGH", 0, "mock", 54),
            (TENANT, "", 0, "mock", 55),
            (OTHER_TENANT, "HIGH", 2, "mock", 90),
        ],
    )


def answer(
    connection: psycopg.Connection[Any], student: UUID, day: str | None, subject: UUID = CALCULUS
) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select exam_kind, predicted_score, lower, upper, round(confidence::numeric, 3)::float as confidence, source"
        " from serving.predict_score(%s, %s, %s)",
        [student, subject, day],
    ).fetchall()


def test_a_published_day_is_given_as_it_is(owner: psycopg.Connection[Any]) -> None:
    assert answer(owner, STUDENT, "2026-12-11") == [
        ("mock", 70, 40, 90, 0.4, "personal"), ("internal", 80, 75, 85, 0.8, "personal"),
    ]  # fmt: skip


def test_between_two_days_lies_the_line(owner: psycopg.Connection[Any]) -> None:
    assert answer(owner, STUDENT, "2026-12-04")[0] == ("mock", 63, 47, 76, 0.54, "personal")


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


def test_what_nobody_knows_has_no_row(owner: psycopg.Connection[Any]) -> None:
    assert answer(owner, STUDENT, "2026-12-01", READING) == []
    assert answer(owner, STUDENT, "2026-12-01", NOBODY) == []
    assert answer(owner, NOBODY, "2026-12-01") == []


def test_stale_rows_say_so_and_nothing_published_answers_nothing(owner: psycopg.Connection[Any]) -> None:
    owner.execute("update serving.publication set valid_until = now() - interval '1 second'")
    assert {row[-1] for row in answer(owner, STUDENT, "2026-12-01")} == {"stale"}
    owner.execute("delete from serving.publication")
    assert answer(owner, STUDENT, "2026-12-01") == []
