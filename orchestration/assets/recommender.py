"""The recommender: fitted and compared with its baseline, then its lists as a candidate."""

import datetime as dt
import json
from collections.abc import Iterator

import dagster as dg
import pyarrow as pa

from expectations.registry import CANDIDATE_SUITES, FEATURE_SUITES
from expectations.runner import validate_frame
from expectations.suites.reasons import reasons_suite
from ml_assets.recommender.backtest import fit_and_choose
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.fallback import fallback
from ml_assets.recommender.model import RecommenderModel
from ml_assets.recommender.ranking import recommend
from ml_assets.recommender.resume import resume
from orchestration import keys
from orchestration.checks import CHECK, REASONS_CHECK, check_result
from orchestration.features import read_recommender_input
from orchestration.publishing import candidate
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.resources import Pipeline
from orchestration.validations import recorded, require_success

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


@dg.multi_asset(
    name="recommender_candidate",
    specs=[
        dg.AssetSpec(
            keys.candidate(table.name),
            deps=[keys.RECOMMENDER, *(keys.feature(name) for name in FEATURE_SUITES)],
            group_name="candidate",
            kinds={"parquet"},
        )
        for table in PUBLISHED_TABLES
    ],
    check_specs=[
        dg.AssetCheckSpec(name, asset=keys.candidate(table.name), blocking=True)
        for table in PUBLISHED_TABLES
        for name in (CHECK, REASONS_CHECK)
    ],
)
def recommender_candidate(
    context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.MaterializeResult[None]]:
    """Lists of every student and of every cohort, as Parquet with a manifest; nothing is published yet."""
    validations = recorded(pipeline.settings.validations / context.run_id)
    inputs = read_recommender_input(pipeline.url(), pipeline.schema)
    model = RecommenderModel.load(pipeline.artifact(MODEL, context.run_id))
    lists = {
        "content_recommendations": recommend(model, inputs),
        "fallback_recommendations": fallback(model, inputs),
        "content_resumptions": resume(inputs, model.config),
    }
    features = {name: getattr(inputs, name) for name in ("interactions", "contents", "scores", "student_subjects")}
    reasons = {
        table: validate_frame(rows, reasons_suite(table, features, inputs.as_of)) for table, rows in lists.items()
    }
    written = candidate.write(
        pipeline.settings.candidates,
        {table: pa.Table.from_pandas(rows, preserve_index=False) for table, rows in lists.items()},
        run_id=context.run_id,
        as_of=inputs.as_of,
        created_at=dt.datetime.now(dt.UTC),
        models={MODEL: _described(model)},
        validations=[
            candidate.Validation(suite=v.suite, success=v.success, critical=tuple(str(f) for f in v.critical))
            for v in [*validations, *reasons.values()]
        ],
    )
    candidate.keep_last(pipeline.settings.candidates)
    outcomes = []
    for table in PUBLISHED_TABLES:
        outcome = validate_frame(written.table(table).to_pandas(), CANDIDATE_SUITES[table.name]())
        outcomes.append(outcome)
        yield dg.MaterializeResult(
            asset_key=keys.candidate(table.name),
            metadata={
                "dagster/row_count": written.manifest.rows[table.name],
                "content_hash": written.manifest.content_hash,
                "folder": dg.MetadataValue.path(written.folder),
            },
            check_results=[
                check_result(outcome, keys.candidate(table.name)),
                check_result(reasons[table.name], keys.candidate(table.name), REASONS_CHECK),
            ],
        )
    require_success("The candidate's tables", [*outcomes, *reasons.values()])


def _described(model: RecommenderModel) -> candidate.Model:
    metrics = json.loads(json.dumps(model.metrics))
    baselines = metrics.pop("baselines", {})
    return candidate.Model(
        version=model.version,
        trained_at=model.as_of.isoformat(),
        metrics=metrics,
        baseline=baselines,
        in_use=model.in_use,
    )
