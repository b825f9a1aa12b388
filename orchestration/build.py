"""Everything Dagster knows, put together from settings alone. Opens nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.assets.candidate import candidate_tables
from orchestration.assets.exports import duckdb_file
from orchestration.assets.outlook import outlook_model
from orchestration.assets.publish import published_tables
from orchestration.assets.raw import cutoff, raw_tables
from orchestration.assets.recommender import recommender_model
from orchestration.assets.score_predictor import score_predictor_model
from orchestration.assets.transform import build_transform_assets
from orchestration.checks import feature_expectations
from orchestration.jobs import refresh
from orchestration.progress import PROGRESS_LOGGER, progress_logger
from orchestration.resources import Pipeline
from orchestration.schedules import nightly
from orchestration.settings import DBT_PROJECT, Settings
from orchestration.transform import RUN_TARGET, manifest_path


class ManifestMissing(Exception):
    """dbt has not been parsed yet."""


def build_definitions(settings: Settings) -> dg.Definitions:
    """Assets, checks, job and schedule for `settings`. Raises ManifestMissing before the dbt project was parsed."""
    manifest = manifest_path(settings)
    if not manifest.exists():
        raise ManifestMissing(f"{manifest} is not there: start through `tlu run` or `tlu ui`, which parse dbt_project.")
    return dg.Definitions(
        assets=[
            cutoff,
            raw_tables,
            build_transform_assets(manifest),
            recommender_model,
            score_predictor_model,
            outlook_model,
            candidate_tables,
            published_tables,
            duckdb_file,
        ],
        asset_checks=[feature_expectations],
        jobs=[refresh],
        loggers={PROGRESS_LOGGER: progress_logger},
        schedules=[nightly(settings.environment)],
        resources={
            "pipeline": Pipeline(settings),
            "dbt": DbtCliResource(
                project_dir=str(DBT_PROJECT),
                profiles_dir=str(DBT_PROJECT),
                target=RUN_TARGET,
                # The default picks another engine when one is on the PATH.
                dbt_executable=str(Path(sys.executable).with_name("dbt")),
            ),
        },
    )
