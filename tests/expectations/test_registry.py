from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest

from expectations.registry import CANDIDATE_SUITES, FEATURE_SUITES, RAW_SUITES, UnknownSuiteError
from expectations.spec import EmptySuiteError, SuiteSpec

# Written out here on purpose: a table that is read or published without a suite must not go unnoticed. That every raw
# table has one is held by tests/dbt/test_sources.py.
FEATURES = {
    "feat_student__profile",
    "feat_content__catalogue",
    "feat_student__subjects",
    "feat_content__prerequisites",
    "feat_student_content__interactions",
    "feat_student_subject__scores",
    "feat_student_exam__scores",
    "feat_student_subject__weekly_effort",
    "feat_student_subject__courses",
    *("feat_student__daily_activity", "feat_student__coming_week", "feat_student__enrolments", "feat_student__rhythm"),
    *("feat_student_hour__activity", "feat_student_kind__effort", "feat_student_subject__activity"),
}
CANDIDATE = {
    *("content_recommendations", "fallback_recommendations", "content_resumptions"),
    *("score_predictions", "fallback_score_predictions"),
    *("student_learning_patterns", "fallback_learning_patterns", "student_risk_analysis", "score_summaries"),
    *("student_predictions", "early_warnings", "warning_rule_reviews"),
}


def test_every_feature_and_every_published_table_has_a_suite() -> None:
    assert set(FEATURE_SUITES) == FEATURES
    assert set(CANDIDATE_SUITES) == CANDIDATE


def test_suites_are_called_as_their_tables() -> None:
    suites = {name: build() for name, build in [*RAW_SUITES.items(), *CANDIDATE_SUITES.items()]}
    suites |= {name: build(dt.date(2026, 3, 2)) for name, build in FEATURE_SUITES.items()}

    assert {name: suite.name for name, suite in suites.items()} == {name: name for name in suites}


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
