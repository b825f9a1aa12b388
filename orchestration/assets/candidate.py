"""The candidate: what all models would publish, as Parquet with a manifest, checked and not yet live."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from expectations.outcome import ValidationOutcome
from expectations.registry import CANDIDATE_SUITES, FEATURE_SUITES
from expectations.runner import validate_frame
from expectations.suites.reasons import reasons_suite
from ml_assets.outlook.model import OutlookModel
from ml_assets.recommender.fallback import fallback
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.model import RecommenderModel
from ml_assets.recommender.ranking import recommend
from ml_assets.recommender.resume import resume
from ml_assets.score_prediction.model import ScorePredictor
from ml_assets.score_prediction.publication import cohorts, predictions
from orchestration import analysis, keys
from orchestration.assets import outlook, recommender, score_predictor
from orchestration.checks import CHECK, REASONS_CHECK, check_result
from orchestration.features import read_recommender_input, read_score_input, read_score_ledger
from orchestration.publishing import candidate
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.resources import Pipeline
from orchestration.validations import recorded, require_success

# Tables whose rows say why, in reasons that are derived once more from the features.
REASONED = ("content_recommendations", "fallback_recommendations", "content_resumptions")


def _staged(model: str) -> dg.AssetKey:
    return dg.AssetKey(["staging", model])


# What a table comes from beside the features: models, and what is read of earlier runs, of marts and of columns that no
# feature has; the other products are settings alone.
_MODEL_KEYS = {
    recommender.MODEL: [keys.RECOMMENDER],
    score_predictor.MODEL: [keys.SCORE_PREDICTOR],
    outlook.MODEL: [keys.OUTLOOK, _staged("stg_published__student_predictions")],
    analysis.EARLY_WARNINGS: [
        keys.OUTLOOK,
        _staged("stg_published__student_predictions"),
        _staged("stg_published__early_warnings"),
        _staged("stg_published__warning_actions"),
    ],
    analysis.SUBJECT_RISK: [_staged("stg_app__student_content_progress")],
    analysis.SCORE_ANALYSIS: [keys.mart("fct_cohort_benchmark")],
}


@dg.multi_asset(
    name="candidate",
    specs=[
        dg.AssetSpec(
            keys.candidate(table.name),
            deps=[*_MODEL_KEYS.get(table.model, []), *(keys.feature(name) for name in FEATURE_SUITES)],
            group_name="candidate",
            kinds={"parquet"},
        )
        for table in PUBLISHED_TABLES
    ],
    check_specs=[
        *(dg.AssetCheckSpec(CHECK, asset=keys.candidate(table.name), blocking=True) for table in PUBLISHED_TABLES),
        *(dg.AssetCheckSpec(REASONS_CHECK, asset=keys.candidate(name), blocking=True) for name in REASONED),
    ],
)
def candidate_tables(
    context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.MaterializeResult[None]]:
    """Rows of every published table, as Parquet with a manifest; nothing is published yet."""
    url, schema = pipeline.url(), pipeline.schema
    validations = recorded(pipeline.settings.validations / context.run_id)
    inputs = read_recommender_input(url, schema)
    recommending = RecommenderModel.load(pipeline.artifact(recommender.MODEL, context.run_id))
    predicting = ScorePredictor.load(pipeline.artifact(score_predictor.MODEL, context.run_id))
    scores = read_score_input(url, schema)
    expecting = OutlookModel.load(pipeline.artifact(outlook.MODEL, context.run_id))
    analysed = analysis.analyse(url, schema, expecting)
    tables = {
        "content_recommendations": recommend(recommending, inputs),
        "fallback_recommendations": fallback(recommending, inputs),
        "content_resumptions": resume(inputs, recommending.config),
        "score_predictions": predictions(predicting, scores),
        "fallback_score_predictions": cohorts(predicting, scores),
        **analysed.tables,
    }
    reasons = _reasons(tables, inputs)
    promise = read_score_ledger(url, schema, predicting.config).verdict(predicting.config)
    written = candidate.write(
        pipeline.settings.candidates,
        {name: pa.Table.from_pandas(rows, preserve_index=False) for name, rows in tables.items()},
        run_id=context.run_id,
        as_of=inputs.as_of,
        created_at=dt.datetime.now(dt.UTC),
        models={
            recommender.MODEL: _described(recommending),
            score_predictor.MODEL: _described(predicting),
            outlook.MODEL: _described(expecting),
            **{name: _of_settings(name, inputs.as_of, figures) for name, figures in analysed.figures.items()},
        },
        validations=[
            *(
                candidate.Validation(suite=v.suite, success=v.success, critical=tuple(str(f) for f in v.critical))
                for v in [*validations, *reasons.values()]
            ),
            candidate.Validation(suite="score_prediction_ledger", success=not promise, critical=promise),
        ],
    )
    candidate.keep_last(pipeline.settings.candidates)
    outcomes = []
    for table in PUBLISHED_TABLES:
        outcome = validate_frame(written.table(table).to_pandas(), CANDIDATE_SUITES[table.name]())
        outcomes.append(outcome)
        results = [check_result(outcome, keys.candidate(table.name))]
        if table.name in reasons:
            results.append(check_result(reasons[table.name], keys.candidate(table.name), REASONS_CHECK))
        yield dg.MaterializeResult(
            asset_key=keys.candidate(table.name),
            metadata={
                "dagster/row_count": written.manifest.rows[table.name],
                "content_hash": written.manifest.content_hash,
                "folder": dg.MetadataValue.path(written.folder),
            },
            check_results=results,
        )
    require_success("The candidate's tables", [*outcomes, *reasons.values()])


def _reasons(tables: Mapping[str, pd.DataFrame], inputs: RecommenderInput) -> dict[str, ValidationOutcome]:
    features = {
        name: getattr(inputs, name) for name in ("interactions", "contents", "weak_subjects", "student_subjects")
    }
    return {name: validate_frame(tables[name], reasons_suite(name, features, inputs.as_of)) for name in REASONED}


def _of_settings(product: str, as_of: dt.date, figures: Mapping[str, Any]) -> candidate.Model:
    return candidate.Model(
        version=analysis.version_of(product),
        trained_at=as_of.isoformat(),
        metrics=dict(figures),
        baseline={},
        in_use="settings",
    )


def _described(model: RecommenderModel | ScorePredictor | OutlookModel) -> candidate.Model:
    metrics = json.loads(json.dumps(model.metrics))
    baselines = metrics.pop("baselines", {})
    return candidate.Model(
        version=model.version,
        trained_at=model.as_of.isoformat(),
        metrics=metrics,
        baseline=baselines,
        in_use=model.in_use,
    )
