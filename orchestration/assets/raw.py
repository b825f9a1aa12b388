"""The app's tables, as a run finds them: are they there, do they meet their expectations, how many rows, how fresh."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from expectations.outcome import ValidationOutcome
from expectations.registry import RAW_SUITES
from expectations.runner import validate_table
from orchestration import keys
from orchestration.checks import CHECK, check_result
from orchestration.cutoff import Cutoff
from orchestration.freshness import source_freshness
from orchestration.raw_contract import RAW_SCHEMA, check_raw_contract, read_contract
from orchestration.resources import Pipeline
from orchestration.transform import manifest_path
from orchestration.validations import record, require_success


class CutoffConfig(dg.Config):
    """Configuration of a run."""

    # Day in Seoul (YYYY-MM-DD) at whose beginning the cut-off lies; empty for the day of the run.
    as_of: str = ""


@dg.asset(key=keys.CUTOFF, group_name="control", pool=keys.POSTGRES_WRITE)
def cutoff(context: dg.AssetExecutionContext, config: CutoffConfig, pipeline: dg.ResourceParam[Pipeline]) -> None:
    """The cut-off of this run: one row that every dbt model reads."""
    chosen = Cutoff.parse(config.as_of) if config.as_of else Cutoff.today(dt.datetime.now(dt.UTC))
    chosen.write(pipeline.url(), pipeline.schema)
    context.add_output_metadata({"as_of": chosen.date.isoformat()})


@dg.multi_asset(
    specs=[dg.AssetSpec(keys.raw(table), group_name="app", kinds={"postgres"}) for table in RAW_SUITES],
    check_specs=[dg.AssetCheckSpec(CHECK, asset=keys.raw(table), blocking=True) for table in RAW_SUITES],
)
def raw_tables(
    context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.MaterializeResult]:
    """Tables that the app owns. Nothing is written to them: a run records how it found them."""
    url = pipeline.url()
    absent = check_raw_contract(url, read_contract().values())
    for table in sorted(absent):
        context.log.warning(f"The database has no table {table}: it reads as empty")
    fresh = source_freshness(url, manifest_path(pipeline.settings), dt.datetime.now(dt.UTC))
    outcomes = []
    for table, build_suite in RAW_SUITES.items():
        # A table that is not there has no rows that could be wrong.
        outcome = (
            ValidationOutcome(table, 0, (), 0)
            if table in absent
            else validate_table(url, RAW_SCHEMA, table, build_suite())
        )
        outcomes.append(outcome)
        freshness = {f"freshness/{k}": v for k, v in fresh[table].to_dict().items()} if table in fresh else {}
        yield dg.MaterializeResult(
            asset_key=keys.raw(table),
            metadata={"dagster/row_count": outcome.rows, "is_absent": table in absent, **freshness},
            check_results=[check_result(outcome, keys.raw(table))],
        )
    record(pipeline.settings.validations / context.run_id, outcomes)
    require_success("The app's tables", outcomes)
