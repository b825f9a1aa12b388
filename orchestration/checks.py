"""Expectations as Dagster asset checks: how the UI shows the outcomes that also go to the gate of the publisher."""

from collections.abc import Iterator

import dagster as dg

from expectations.outcome import ValidationOutcome
from expectations.registry import FEATURE_SUITES
from expectations.runner import validate_table
from orchestration import keys
from orchestration.cutoff import read_cutoff
from orchestration.resources import Pipeline
from orchestration.validations import record, require_success

CHECK = "expectations"
REASONS_CHECK = "reasons"


def check_result(outcome: ValidationOutcome, asset: dg.AssetKey, name: str = CHECK) -> dg.AssetCheckResult:
    """`outcome` as check `name`: failed when it stops a run, a warning when something lesser did not hold."""
    lesser = outcome.success and bool(outcome.failures)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not outcome.failures,
        severity=dg.AssetCheckSeverity.WARN if lesser else dg.AssetCheckSeverity.ERROR,
        metadata={
            "rows": outcome.rows,
            "expectations": outcome.evaluated,
            "failures": dg.MetadataValue.json([str(failure) for failure in outcome.failures]),
        },
    )


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(CHECK, asset=keys.feature(model), blocking=True) for model in FEATURE_SUITES]
)
def feature_expectations(
    context: dg.AssetCheckExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.AssetCheckResult]:
    """Features against their expectations, the cut-off among them."""
    url = pipeline.url()
    as_of = read_cutoff(url, pipeline.schema).date
    outcomes = []
    for model, build_suite in FEATURE_SUITES.items():
        outcome = validate_table(url, f"{pipeline.schema}_features", model, build_suite(as_of))
        outcomes.append(outcome)
        yield check_result(outcome, keys.feature(model))
    record(pipeline.settings.validations / context.run.run_id, outcomes)
    require_success("The features", outcomes)
