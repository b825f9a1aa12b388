"""When the job runs by itself."""

from __future__ import annotations

import dagster as dg

from orchestration.jobs import refresh
from orchestration.settings import SCHEDULE_RUNS_IN


def nightly(environment: str) -> dg.ScheduleDefinition:
    """The nightly run at 04:30 in Seoul: after the app's own batches, which end at 04:00. Off unless in production."""
    runs = SCHEDULE_RUNS_IN[environment]
    return dg.ScheduleDefinition(
        name="refresh_nightly",
        job=refresh,
        cron_schedule="30 4 * * *",
        execution_timezone="Asia/Seoul",
        default_status=dg.DefaultScheduleStatus.RUNNING if runs else dg.DefaultScheduleStatus.STOPPED,
    )
