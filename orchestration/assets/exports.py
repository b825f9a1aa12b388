"""The DuckDB file of the analysts: all marts, and what the app reads."""

from collections.abc import Iterator

import dagster as dg

from orchestration import keys
from orchestration.cutoff import read_cutoff
from orchestration.marts import ExportedTable, export_marts
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.resources import Pipeline
from orchestration.settings import DBT_PROJECT
from orchestration.transform import RUN_TARGET, SCHEMAS

# A mart is a model in this folder; dbt names its table after the file.
MARTS = tuple(sorted(model.stem for model in (DBT_PROJECT / "models" / "marts").glob("*.sql")))
SERVED = tuple(table.name for table in PUBLISHED_TABLES)
EXPORTED = (
    *(ExportedTable(name, f"{SCHEMAS[RUN_TARGET]}_marts") for name in MARTS),
    *(ExportedTable(name, "serving") for name in SERVED),
)


@dg.multi_asset(
    name="duckdb_file",
    specs=[
        *(dg.AssetSpec(keys.exported(n), deps=[keys.mart(n)], group_name="duckdb", kinds={"duckdb"}) for n in MARTS),
        *(dg.AssetSpec(keys.exported(n), deps=[keys.served(n)], group_name="duckdb", kinds={"duckdb"}) for n in SERVED),
    ],
    pool=keys.DUCKDB_WRITE,
)
def duckdb_file(
    context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.MaterializeResult]:
    """One DuckDB file with every mart, built beside the old one and swapped in."""
    url = pipeline.url()
    as_of = read_cutoff(url, pipeline.schema).date
    counts = export_marts(url, EXPORTED, pipeline.settings.marts_file, run_id=context.run_id, as_of=as_of)
    for name, count in counts.items():
        yield dg.MaterializeResult(asset_key=keys.exported(name), metadata={"dagster/row_count": count})
