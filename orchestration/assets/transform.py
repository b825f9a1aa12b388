"""dbt models as assets: staging, intermediate, features, marts in one build."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
from psycopg import sql
from psycopg.rows import dict_row

from orchestration import keys
from orchestration.resources import Pipeline
from orchestration.source_rows import read_source_rows
from orchestration.transform import BUILD_ARGS, RUN_TARGET, SCHEMAS, dbt_environment

# The mart that says what became of every row of the app's tables.
SOURCE_ROWS = "fct_source_rows"
# Small marts that are shown whole beside their asset: how recommendations were taken up, how intervals held and
# probabilities came true. By name: what it is called there, and the columns that order it.
SHOWN_WHOLE = {
    "fct_recommendation_adoption": ("adoption", ("dimension", "value")),
    "fct_score_coverage": ("coverage", ("dimension", "value")),
    "fct_prediction_calibration": ("calibration", ("prediction_type", "decile")),
}
# Layers whose rows are counted for the lineage graph. A view below them would be computed again just to be counted.
COUNTED_LAYERS = {"features", "marts"}


class LayeredTranslator(DagsterDbtTranslator):
    """Keys as (layer, name): the layer of a model is its top folder, that of a source its name."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Key of a model or source."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["fqn"][1], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Group of a model: its layer."""
        return str(dbt_resource_props["fqn"][1])


def build_transform_assets(manifest: Path) -> dg.AssetsDefinition:
    """The dbt project behind `manifest` as Dagster assets."""

    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=LayeredTranslator(),
        exclude="resource_type:unit_test",
        pool=keys.POSTGRES_WRITE,
    )
    def transform(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, pipeline: dg.ResourceParam[Pipeline]
    ) -> Iterator[Any]:
        url = pipeline.url()
        os.environ.update(dbt_environment(url))  # the only way to reach the dbt process that DbtCliResource starts
        target_path = pipeline.settings.dbt_target
        with psycopg.connect(url, autocommit=True) as connection:
            for event in dbt.cli(BUILD_ARGS, context=context, target_path=target_path).stream():
                yield _with_counts(context, event, connection)

    return transform


def _with_counts(context: dg.AssetExecutionContext, event: Any, connection: psycopg.Connection) -> Any:
    if not isinstance(event, dg.Output):
        return event
    layer, name = context.asset_key_for_output(event.output_name).path
    if layer not in COUNTED_LAYERS:
        return event
    schema = SCHEMAS[RUN_TARGET]
    table = sql.Identifier(f"{schema}_{layer}", name)
    [(rows,)] = connection.execute(sql.SQL("select count(*) from {}").format(table)).fetchall()
    metadata: dict[str, Any] = {"dagster/row_count": rows}
    if name == SOURCE_ROWS:
        accounts = {account.table: asdict(account) for account in read_source_rows(connection, schema)}
        metadata["source_rows"] = dg.MetadataValue.json(accounts)
    if name in SHOWN_WHOLE:
        title, order = SHOWN_WHOLE[name]
        query = sql.SQL("select * from {} order by {}").format(table, sql.SQL(", ").join(map(sql.Identifier, order)))
        with connection.cursor(row_factory=dict_row) as cursor:
            counted = cursor.execute(query).fetchall()
        metadata[title] = dg.MetadataValue.json(counted)
    return event.with_metadata({**event.metadata, **metadata})
