"""The outlook: an additive model a question, compared with what one would do without it."""

import dagster as dg

from expectations.registry import FEATURE_SUITES
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.model import fit
from orchestration import keys
from orchestration.features import read_outlook_input
from orchestration.resources import Pipeline

MODEL = "outlook"


@dg.asset(
    key=keys.OUTLOOK,
    deps=[keys.feature(name) for name in FEATURE_SUITES],
    group_name="models",
    kinds={"python"},
)
def outlook_model(
    context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> dg.MaterializeResult[None]:
    """Outlook fitted as of the cut-off; `in_use` says of each question what answers it."""
    model = fit(read_outlook_input(pipeline.url(), pipeline.schema), OutlookConfig())
    model.save(pipeline.artifact(MODEL, context.run_id))
    return dg.MaterializeResult(
        metadata={"version": model.version, "in_use": model.in_use, "metrics": dg.MetadataValue.json(model.metrics)}
    )
