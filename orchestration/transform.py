"""Running dbt: its project, its environment, its arguments.

Belongs here: everything about calling dbt that is not a Dagster asset. Not here: SQL, asset definitions.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from orchestration.settings import DBT_PROJECT, Settings

RUN_TARGET = "run"
BACKTEST_TARGET = "backtest"
# dbt target -> prefix of the schemas it builds, as in dbt_project/profiles.yml.
SCHEMAS = {RUN_TARGET: "analytics", BACKTEST_TARGET: "backtest"}
# Unit tests check the code, not the data of this run: `make test` runs them.
BUILD_ARGS = ("build", "--exclude", "resource_type:unit_test")
_NO_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
FEATURES_ONLY = (
    *("build", "--select", "path:seeds", "path:models/staging", "path:models/intermediate", "path:models/features"),
    *_NO_TESTS,
)
# What students did, built again after the cut-off was moved on: the outcomes of a backtest.
OUTCOMES_ONLY = ("build", "--select", "+feat_student_content__interactions", *_NO_TESTS)
# The same for scores: which of them were known later.
SCORES_ONLY = ("build", "--select", "+feat_student_exam__scores", *_NO_TESTS)

# What students did, and whether they stayed: the outcomes of the analysis.
ACTIVITY_ONLY = (
    *("build", "--select", "+feat_student__profile", "+feat_student__daily_activity", "+feat_student__coming_week"),
    *("+feat_student__enrolments", "+feat_student_exam__scores", "+feat_student_subject__weekly_effort"),
    *("+feat_student_subject__courses", *_NO_TESTS),
)


class TransformError(Exception):
    """The dbt command did not do what it was asked."""


def dbt_environment(url: str) -> dict[str, str]:
    """Environment variables that dbt_project/profiles.yml reads, for the database at `url`."""
    parts = conninfo_to_dict(url)
    return {
        "TLU_DB_HOST": str(parts.get("host", "localhost")),
        "TLU_DB_PORT": str(parts.get("port", 5432)),
        "TLU_DB_USER": str(parts.get("user", "postgres")),
        "TLU_DB_NAME": str(parts.get("dbname", "postgres")),
        "TLU_DB_SSLMODE": str(parts.get("sslmode", "prefer")),
        # dbt masks variables of this prefix in everything it prints.
        "DBT_ENV_SECRET_TLU_DB_PASSWORD": str(parts.get("password", "")),
    }


# Parsing renders the profile, so every variable must have some value; no connection is made.
_NOWHERE = dbt_environment("postgresql://nobody@localhost/nowhere")


def manifest_path(settings: Settings) -> Path:
    """The manifest that Dagster reads its dbt assets from."""
    return settings.dbt_target / "manifest.json"


def prepare_manifest(settings: Settings) -> Path:
    """Parse the dbt project unless the manifest is newer than every file of it, and return the manifest's path.

    Raises TransformError with dbt's own words when the project does not parse.
    """
    manifest = manifest_path(settings)
    sources = [path for path in DBT_PROJECT.rglob("*") if path.suffix in {".sql", ".yml", ".csv"}]
    if not manifest.exists() or manifest.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        run_dbt(settings, ["parse"], RUN_TARGET, _NOWHERE)
    return manifest


def run_dbt(settings: Settings, arguments: Sequence[str], target: str, environment: Mapping[str, str]) -> None:
    """Run one dbt command outside Dagster. Raises TransformError with the end of its output when it fails."""
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "--no-use-colors",
        "--quiet",
        *arguments,
        "--project-dir", str(DBT_PROJECT),
        "--profiles-dir", str(DBT_PROJECT),
        "--target", target,
        "--target-path", str(settings.dbt_target if target == RUN_TARGET else settings.dbt_target / target),
        "--log-path", str(settings.dbt_target / "logs"),
    ]  # fmt: skip
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip()[-2000:]
        raise TransformError(f"dbt {' '.join(arguments)} failed:\n{output}")


def write_docs(settings: Settings, url: str) -> Path:
    """Write dbt's documentation of the last build as one HTML file without further files, and return its path."""
    run_dbt(settings, ["docs", "generate", "--static"], RUN_TARGET, dbt_environment(url))
    return settings.dbt_target / "static_index.html"
