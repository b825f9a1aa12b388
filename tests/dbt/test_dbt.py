"""dbt's own unit tests, and the rules of the project that its manifest can show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local_supabase import schema
from orchestration.cutoff import Cutoff
from orchestration.settings import Settings
from orchestration.transform import RUN_TARGET, SCHEMAS, dbt_environment, prepare_manifest, run_dbt

PREFIXES = {
    "staging": r"stg_app__\w+",
    "intermediate": r"int_[a-z]+__\w+",
    "features": r"feat_[a-z_]+__\w+",
    "marts": r"(dim|fct)_\w+",
}
MAY_READ = {
    "staging": {"source", "staging"},
    "intermediate": {"source", "staging", "intermediate"},
    "features": {"staging", "intermediate", "features"},
    "marts": {"staging", "intermediate", "features", "marts"},
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def manifest(settings: Settings) -> dict[str, Any]:
    return json.loads(prepare_manifest(settings).read_text("utf-8"))


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    assert found
    return found


def test_traps_hold(settings: Settings, postgres_url: str) -> None:
    """Every model builds on the app's empty tables, and every unit test passes."""
    schema.install(postgres_url)
    Cutoff.parse("2026-06-01").write(postgres_url, SCHEMAS[RUN_TARGET])
    run_dbt(settings, ["build"], RUN_TARGET, dbt_environment(postgres_url))


def test_names_tell_the_layer_and_fit_into_postgres(models: dict[str, dict[str, Any]]) -> None:
    wrong = [n for n, m in models.items() if len(n) > 45 or not re.fullmatch(PREFIXES[m["fqn"][1]], n)]
    assert not wrong


def test_layers_read_only_what_lies_below(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    nodes = manifest["nodes"]

    def layer(unique_id: str) -> str:
        return "source" if unique_id.startswith("source.") else nodes[unique_id]["fqn"][1]

    wrong = [
        f"{name} reads {read}"
        for name, model in models.items()
        for read in model["depends_on"]["nodes"]
        # The cut-off is read everywhere, and by nothing but its macro.
        if not read.endswith("control.cutoff") and layer(read) not in MAY_READ[model["fqn"][1]]
    ]
    assert not wrong


def test_every_model_and_column_of_features_and_marts_is_described(models: dict[str, dict[str, Any]]) -> None:
    wrong = [name for name, model in models.items() if not model["description"]]
    wrong += [
        f"{name}.{column['name']}"
        for name, model in models.items()
        for column in model["columns"].values()
        if not column["description"]
    ]
    assert not wrong


def test_every_table_has_a_test_on_its_key(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    keyed = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] in {"unique", "is_unique_combination"}
    }
    tables = [m for m in models.values() if m["fqn"][1] in {"features", "marts"}]
    assert not [model["name"] for model in tables if model["unique_id"] not in keyed]


def test_features_have_an_enforced_contract(models: dict[str, dict[str, Any]]) -> None:
    features = [m for m in models.values() if m["fqn"][1] == "features"]
    assert features
    assert not [m["name"] for m in features if not m["contract"]["enforced"]]


def test_dbt_owns_nothing_that_the_app_reads(manifest: dict[str, Any]) -> None:
    schemas = {node["schema"] for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    assert schemas == {f"{SCHEMAS[RUN_TARGET]}_{layer}" for layer in PREFIXES}


def test_no_packages_are_needed() -> None:
    project = Path(__file__).resolve().parents[2] / "dbt_project"
    assert not list(project.glob("packages.yml"))
