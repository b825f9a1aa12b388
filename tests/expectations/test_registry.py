from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest

from expectations.raw_contract import REQUIRED_COLUMNS
from expectations.registry import CANDIDATE_SUITES, FEATURE_SUITES, RAW_SUITES, UnknownSuiteError
from expectations.spec import EmptySuiteError, SuiteSpec
from expectations.suites import raw

# Written out here on purpose: a table that is read or published without a suite must not go unnoticed.
RAW = {
    "tenants",
    "students",
    "curriculum_revisions",
    "subject_groups",
    "subjects",
    "student_plan",
    "student_custom_contents",
    "books",
    "lectures",
    "master_books",
    "master_lectures",
    "master_custom_contents",
    "plan_groups",
    "plan_contents",
    "calendar_events",
    "event_study_data",
    "student_study_sessions",
    "student_goals",
    "student_internal_scores",
    "student_mock_scores",
    "difficulty_levels",
}
FEATURES = {
    "feat_student__profile",
    "feat_content__catalogue",
    "feat_student__subjects",
    "feat_student_content__interactions",
}
CANDIDATE = {"content_recommendations", "fallback_recommendations"}


def test_every_table_has_a_suite() -> None:
    assert set(RAW_SUITES) == RAW == set(REQUIRED_COLUMNS) == set(raw._EXPECTATIONS)
    assert set(FEATURE_SUITES) == FEATURES
    assert set(CANDIDATE_SUITES) == CANDIDATE


def test_suites_are_called_as_their_tables() -> None:
    suites = {name: build() for name, build in [*RAW_SUITES.items(), *CANDIDATE_SUITES.items()]}
    suites |= {name: build(dt.date(2026, 3, 2)) for name, build in FEATURE_SUITES.items()}

    assert {name: suite.name for name, suite in suites.items()} == {name: name for name in suites}


def test_expectations_on_raw_tables_ask_only_for_columns_of_the_allow_list() -> None:
    assert {name: set(build().needed_columns) for name, build in RAW_SUITES.items()} == {
        name: set(columns) for name, columns in REQUIRED_COLUMNS.items()
    }


def test_only_people_and_their_plans_must_be_there() -> None:
    assert {name for name, build in RAW_SUITES.items() if build().min_rows} == {"tenants", "students", "student_plan"}


@pytest.mark.parametrize("suites", [RAW_SUITES, FEATURE_SUITES, CANDIDATE_SUITES])
def test_an_unknown_name_is_answered_with_the_known_ones(suites: dict[str, object]) -> None:
    with pytest.raises(UnknownSuiteError, match="'nobody'") as raised:
        suites["nobody"]
    assert all(name in str(raised.value) for name in suites)


def test_a_suite_that_asks_nothing_is_refused() -> None:
    with pytest.raises(EmptySuiteError, match="students"):
        SuiteSpec("students", columns=("id",), min_rows=1, expectations=())


def test_listing_suites_loads_neither_great_expectations_nor_dagster() -> None:
    code = """
import sys
import expectations.registry, expectations.runner
loaded = {name.split(".")[0] for name in sys.modules}
print(sorted(loaded & {"great_expectations", "dagster", "ml_assets", "orchestration", "local_supabase"}))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
