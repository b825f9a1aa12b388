"""The score predictor: fitted, compared with a shrunken mean, its intervals calibrated."""

import dagster as dg

from expectations.registry import FEATURE_SUITES
from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.exams import summary
from ml_assets.score_prediction.model import fit
from orchestration import keys
from orchestration.features import read_score_input, read_score_ledger
from orchestration.resources import Pipeline

MODEL = "score_predictor"


@dg.asset(
    key=keys.SCORE_PREDICTOR,
    deps=[*(keys.feature(name) for name in FEATURE_SUITES), keys.mart("fct_score_prediction_outcomes")],
    group_name="models",
    kinds={"python"},
)
def score_predictor_model(
    context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> dg.MaterializeResult[None]:
    """Score predictor fitted as of the cut-off; `in_use` says which of its levels, or the baseline, answers."""
    inputs = read_score_input(pipeline.url(), pipeline.schema)
    config = ScorePredictionConfig()
    model = fit(inputs, config, read_score_ledger(pipeline.url(), pipeline.schema, config))
    model.save(pipeline.artifact(MODEL, context.run_id))
    return dg.MaterializeResult(
        metadata={
            "version": model.version,
            "in_use": model.in_use,
            "interval_basis": model.calibration.interval_basis(),
            "scores_without_value": inputs.without_value,
            "deviations_between_exams": dg.MetadataValue.json(summary(model.level.effects)),
            "metrics": dg.MetadataValue.json(model.metrics),
        }
    )
