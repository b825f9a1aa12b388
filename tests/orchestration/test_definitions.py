"""What Dagster knows: one lineage from the app's tables to the file, checks that block, a schedule off locally."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from expectations.registry import CANDIDATE_SUITES, FEATURE_SUITES, RAW_SUITES
from orchestration import keys
from orchestration.build import ManifestMissing, build_definitions
from orchestration.publishing.contracts import PUBLISHED_TABLES
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


def _ancestors(graph: Any, layer: str) -> set[dg.AssetKey]:
    """Everything that the assets of a layer descend from."""
    found: set[dg.AssetKey] = set()
    todo = {key for key in graph.get_all_asset_keys() if key.path[0] == layer}
    assert todo
    while todo:
        parents = graph.get(todo.pop()).parent_keys - found
        found |= parents
        todo |= parents
    return found


def test_the_file_of_the_analysts_descends_from_the_raw_tables(definitions: dg.Definitions) -> None:
    ancestors = _ancestors(definitions.resolve_asset_graph(), "duckdb")
    # Read by features of products to come, or staged for them.
    only_features = {
        *("attendance_records", "book_details", "daily_check_ins", "lecture_episodes", "student_goal_progress"),
    }
    not_read_yet = {
        *("student_block_schedule", "student_block_sets", "student_history", "tenant_scheduler_settings"),
        *("tenants", "time_slots"),
    }
    unused = {keys.raw(table) for table in only_features | not_read_yet}
    assert {keys.raw(table) for table in RAW_SUITES} - ancestors == unused
    assert {keys.CUTOFF, keys.RECOMMENDER, *map(keys.candidate, CANDIDATE_SUITES)} <= ancestors


def test_what_earlier_runs_published_is_read_and_makes_no_circle(definitions: dg.Definitions) -> None:
    """A run reads the tables that it will replace: under a key of their own, from which nothing leads back."""
    graph = definitions.resolve_asset_graph()
    read = {key for key in graph.get_all_asset_keys() if key.path[0] == "published"}
    assert {key.path[1] for key in read} == {"early_warnings", "student_predictions", "warning_actions"}
    assert read <= _ancestors(graph, "serving")
    for key in read:
        assert not graph.get(key).parent_keys, key
        assert not graph.get(key).is_executable, key


@pytest.mark.parametrize("table", ["early_warnings", "student_predictions"])
def test_what_is_read_back_is_what_was_published(settings: Settings, table: str) -> None:
    manifest = json.loads(prepare_manifest(settings).read_text("utf-8"))
    [source] = [s for s in manifest["sources"].values() if (s["source_name"], s["name"]) == ("published", table)]
    [published] = [t for t in PUBLISHED_TABLES if t.name == table]
    declared = {name: column["data_type"] for name, column in source["columns"].items()}
    assert (source["schema"], source["identifier"]) == ("serving", table)
    assert declared == {**{column.name: column.type for column in published.columns}, "model_version": "text"}


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
