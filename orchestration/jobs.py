"""The one job. It runs in one process: the models want the memory, and Postgres the second core."""

from __future__ import annotations

import dagster as dg

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Raw tables to published recommendations and marts, as of one cut-off.",
)
