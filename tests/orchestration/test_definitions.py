"""What Dagster knows: one lineage from the app's tables to the file, checks that block, a schedule off locally."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from expectations.registry import CANDIDATE_SUITES, FEATURE_SUITES, RAW_SUITES
from orchestration import keys
from orchestration.build import ManifestMissing, build_definitions
from orchestration.settings import Settings
from orchestration.transform import prepare_manifest


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(tmp_path_factory.mktemp("home"))
    prepare_manifest(settings)
    return settings


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    return build_definitions(settings)


def test_without_a_manifest_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ManifestMissing, match="tlu run"):
        build_definitions(Settings(tmp_path))


def test_the_file_of_the_analysts_descends_from_the_raw_tables(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    ancestors: set[dg.AssetKey] = set()
    todo = {key for key in graph.get_all_asset_keys() if key.path[0] == "duckdb"}
    assert todo
    while todo:
        key = todo.pop()
        parents = graph.get(key).parent_keys - ancestors
        ancestors |= parents
        todo |= parents
    # Read by features of products to come, or staged for them.
    only_features = {
        *("attendance_records", "book_details", "daily_check_ins", "lecture_episodes", "plan_groups"),
        "student_goal_progress",
    }
    not_read_yet = {
        *("student_block_schedule", "student_block_sets", "student_content_progress"),
        *("student_history", "tenant_scheduler_settings", "tenants", "time_slots"),
    }
    unused = {keys.raw(table) for table in only_features | not_read_yet}
    assert {keys.raw(table) for table in RAW_SUITES} - ancestors == unused
    assert {keys.CUTOFF, keys.RECOMMENDER, *map(keys.candidate, CANDIDATE_SUITES)} <= ancestors


def test_every_suite_is_a_check_that_blocks(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    guarded = {keys.raw(t) for t in RAW_SUITES} | {keys.feature(t) for t in FEATURE_SUITES}
    guarded |= {keys.candidate(t) for t in CANDIDATE_SUITES}
    for asset in guarded:
        assert graph.get_check_spec(dg.AssetCheckKey(asset, "expectations")).blocking


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ("local", dg.DefaultScheduleStatus.STOPPED),
        ("ci", dg.DefaultScheduleStatus.STOPPED),
        ("production", dg.DefaultScheduleStatus.RUNNING),
    ],
)
def test_the_nightly_run_is_on_in_production_only(
    settings: Settings, environment: str, status: dg.DefaultScheduleStatus
) -> None:
    definitions = build_definitions(Settings(settings.home, environment))
    schedule = definitions.resolve_schedule_def("refresh_nightly")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * *", "Asia/Seoul")
    assert schedule.default_status == status
