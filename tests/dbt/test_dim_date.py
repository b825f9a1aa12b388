"""The calendar of the marts, on days whose answers are known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from local_supabase import schema
from orchestration.cutoff import Cutoff
from orchestration.settings import Settings
from orchestration.transform import RUN_TARGET, SCHEMAS, dbt_environment, run_dbt

WITHOUT_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
CUTOFF = Cutoff.parse("2026-11-23")


@pytest.fixture(scope="module")
def calendar(postgres_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """A connection to a database of its own, with the app's empty tables, in which `dim_date` was built."""
    url = urlsplit(postgres_server_url)._replace(path="/test_calendar").geturl()
    with psycopg.connect(postgres_server_url, autocommit=True) as server:
        server.execute("create database test_calendar")
        schema.install(url)
        CUTOFF.write(url, SCHEMAS[RUN_TARGET])
        settings = Settings(tmp_path_factory.mktemp("home"))
        run_dbt(settings, ["build", "--select", "+dim_date", *WITHOUT_TESTS], RUN_TARGET, dbt_environment(url))
        with psycopg.connect(url, options=f"-c search_path={SCHEMAS[RUN_TARGET]}_marts") as connection:
            yield connection
        server.execute("drop database test_calendar with (force)")


def test_every_day_from_2015_to_400_days_past_the_cutoff_is_there_once(calendar: psycopg.Connection) -> None:
    bounds = calendar.execute("select min(date_day), max(date_day), count(*) from dim_date").fetchone()
    first, last = dt.date(2015, 1, 1), CUTOFF.date + dt.timedelta(400)
    assert bounds == (first, last, (last - first).days + 1)


@pytest.mark.parametrize(
    ("day", "weekday", "name", "monday", "school_year", "semester", "is_weekend"),
    [
        ("2026-02-28", 6, "토요일", "2026-02-23", 2025, 2, True),
        ("2026-03-01", 0, "일요일", "2026-02-23", 2026, 1, True),
        ("2026-08-31", 1, "월요일", "2026-08-31", 2026, 1, False),
        ("2026-09-01", 2, "화요일", "2026-08-31", 2026, 2, False),
        ("2027-01-01", 5, "금요일", "2026-12-28", 2026, 2, False),
    ],
)
def test_days_have_their_week_and_school_year(
    calendar: psycopg.Connection,
    day: str,
    weekday: int,
    name: str,
    monday: str,
    school_year: int,
    semester: int,
    is_weekend: bool,
) -> None:
    row = calendar.execute(
        "select weekday, weekday_name, week_start_date::text, school_year, semester, is_weekend"
        " from dim_date where date_day = %s",
        [day],
    ).fetchone()
    assert row == (weekday, name, monday, school_year, semester, is_weekend)


@pytest.mark.parametrize(
    ("first", "last", "season"),
    [
        ("2025-12-16", "2026-02-28", None),
        ("2026-03-01", "2026-03-31", "education_office"),
        ("2026-04-01", "2026-04-19", None),
        ("2026-04-20", "2026-05-07", "midterm"),
        ("2026-05-08", "2026-05-31", "education_office"),
        ("2026-06-01", "2026-06-24", "kice"),
        ("2026-06-25", "2026-07-08", "final"),
        ("2026-07-09", "2026-07-31", "education_office"),
        ("2026-08-01", "2026-08-31", None),
        ("2026-09-01", "2026-09-30", "kice"),
        ("2026-10-01", "2026-10-15", "midterm"),
        ("2026-10-16", "2026-10-31", "education_office"),
        ("2026-11-01", "2026-11-19", "csat"),
        ("2026-11-20", "2026-11-30", None),
        ("2026-12-01", "2026-12-15", "final"),
    ],
)
def test_a_school_year_goes_through_its_exams(
    calendar: psycopg.Connection, first: str, last: str, season: str | None
) -> None:
    seasons = calendar.execute(
        "select distinct exam_season from dim_date where date_day between %s and %s", [first, last]
    ).fetchall()
    assert seasons == [(season,)]


@pytest.mark.parametrize(
    ("day", "days"),
    [("2021-11-18", 0), ("2022-11-16", 1), ("2026-11-19", 0), ("2026-11-20", 363), ("2026-12-31", 322)],
)
def test_the_next_csat_is_on_a_third_thursday(calendar: psycopg.Connection, day: str, days: int) -> None:
    assert calendar.execute("select days_to_csat from dim_date where date_day = %s", [day]).fetchone() == (days,)
