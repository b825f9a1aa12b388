"""How old the app's tables are, by the thresholds that dbt_project declares for its sources."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_PERIODS = {"minute": dt.timedelta(minutes=1), "hour": dt.timedelta(hours=1), "day": dt.timedelta(days=1)}


@dataclass(frozen=True)
class Freshness:
    """When a table last changed, and what its thresholds make of that: pass, warn or error; error too when empty."""

    last_loaded_at: str | None
    age_hours: float | None
    state: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def source_freshness(url: str, manifest: Path, now: dt.datetime) -> dict[str, Freshness]:
    """Freshness at `now` of every source in dbt's `manifest` that declares a threshold, by table name."""
    sources = json.loads(manifest.read_text("utf-8"))["sources"].values()
    watched = [source for source in sources if source.get("loaded_at_field") and source.get("freshness")]
    with psycopg.connect(url) as connection:
        return {source["name"]: _freshness(connection, source, now) for source in watched}


def _freshness(connection: psycopg.Connection, source: dict[str, Any], now: dt.datetime) -> Freshness:
    query = sql.SQL("select max({}) from {}").format(
        sql.Identifier(source["loaded_at_field"]), sql.Identifier(source["schema"], source["name"])
    )
    row = connection.execute(query).fetchone()
    loaded_at = row[0] if row else None
    if loaded_at is None:
        return Freshness(None, None, "error")
    age = now - loaded_at
    state = "pass"
    for threshold, name in (("warn_after", "warn"), ("error_after", "error")):
        limit = source["freshness"].get(threshold)
        if limit and limit.get("count") and age > limit["count"] * _PERIODS[limit["period"]]:
            state = name
    return Freshness(loaded_at.isoformat(), round(age.total_seconds() / 3600, 1), state)
