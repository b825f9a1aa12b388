"""The recommender: fitted and compared with its baselines."""

import dagster as dg

from expectations.registry import FEATURE_SUITES
from ml_assets.recommender.backtest import fit_and_choose
from ml_assets.recommender.config import RecommenderConfig
from orchestration import keys
from orchestration.features import read_recommender_input
from orchestration.resources import Pipeline

MODEL = "recommender"


@dg.asset(
    key=keys.RECOMMENDER,
    deps=[keys.feature(name) for name in FEATURE_SUITES],
    group_name="models",
    kinds={"python"},
)
def recommender_model(
    context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> dg.MaterializeResult[None]:
    """Recommender fitted as of the cut-off; in use only where it beats `popular_recent` on the last two weeks."""
    inputs = read_recommender_input(pipeline.url(), pipeline.schema)
    model = fit_and_choose(inputs, RecommenderConfig(holdout_share=pipeline.settings.holdout_share))
    model.save(pipeline.artifact(MODEL, context.run_id))
    return dg.MaterializeResult(
        metadata={"version": model.version, "in_use": model.in_use, "metrics": dg.MetadataValue.json(model.metrics)}
    )
