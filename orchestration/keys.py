"""Asset keys, groups and pools: constants only. A key is (layer, name); the group is the layer."""

from __future__ import annotations

from dagster import AssetKey

# Written by one step at a time, whatever else runs.
POSTGRES_WRITE = "postgres_write"
DUCKDB_WRITE = "duckdb_write"

CUTOFF = AssetKey(["control", "cutoff"])
RECOMMENDER = AssetKey(["models", "recommender"])
SCORE_PREDICTOR = AssetKey(["models", "score_predictor"])
OUTLOOK = AssetKey(["models", "outlook"])


def raw(table: str) -> AssetKey:
    """A table of the app."""
    return AssetKey(["app", table])


def feature(model: str) -> AssetKey:
    """A dbt feature model."""
    return AssetKey(["features", model])


def mart(model: str) -> AssetKey:
    """A dbt mart."""
    return AssetKey(["marts", model])


def candidate(table: str) -> AssetKey:
    """A table of the candidate, before the gate."""
    return AssetKey(["candidate", table])


def served(table: str) -> AssetKey:
    """A table that the app reads."""
    return AssetKey(["serving", table])


def exported(table: str) -> AssetKey:
    """A table of the DuckDB file."""
    return AssetKey(["duckdb", table])
