"""The job `refresh` in this process: what `tlu run` does.

Belongs here: starting the job outside the UI and reporting on it. Not here: what the job does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from dataclasses import dataclass

import dagster as dg

from orchestration.build import build_definitions
from orchestration.progress import PROGRESS_LOGGER
from orchestration.settings import REPOSITORY, Settings
from orchestration.transform import prepare_manifest

# Only what goes wrong; the events that tell how the run goes are shown by the progress handler itself.
_QUIET_LOGGERS = ("dagster", "dbt", "great_expectations", "sqlalchemy")


@dataclass(frozen=True)
class RunReport:
    """A finished run: its id, and how long each step took in seconds, in order."""

    run_id: str
    step_seconds: dict[str, float]


def prepare_dagster_home(settings: Settings) -> None:
    """Make DAGSTER_HOME with the repository's dagster.yaml in it, and name it in this process's environment."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(REPOSITORY / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def run_refresh(settings: Settings, as_of: str) -> RunReport:
    """Run the whole job in this process, as of `as_of` (YYYY-MM-DD, or empty for today), and report on it.

    Raises whatever a step raised; the run is kept, with its failure, for the UI.
    """
    prepare_dagster_home(settings)
    prepare_manifest(settings)
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    job = build_definitions(settings).resolve_job_def("refresh")
    # dagster-dbt repeats every line of dbt on standard output; here it goes to a file, in the UI to the step's log.
    console = settings.dbt_target / "console.log"
    with dg.DagsterInstance.get() as instance, console.open("w") as file, contextlib.redirect_stdout(file):
        result = job.execute_in_process(
            instance=instance,
            run_config={
                "ops": {"control__cutoff": {"config": {"as_of": as_of}}},
                "loggers": {PROGRESS_LOGGER: {}},
            },
        )
        steps = instance.get_run_step_stats(result.run_id)
    seconds = {
        step.step_key.split("[")[0]: step.end_time - step.start_time
        for step in steps
        if step.start_time is not None and step.end_time is not None
    }
    return RunReport(result.run_id, seconds)
