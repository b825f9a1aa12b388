"""The rules of the dbt project that its manifest can show: names, layers, sources, descriptions, keys, exposures.

They are those of dbt-project-evaluator that matter here, without the package.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from ml_assets.early_warnings.review import ACTED
from ml_assets.score_prediction.config import ScorePredictionConfig
from orchestration.settings import DBT_PROJECT, Settings
from orchestration.transform import RUN_TARGET, SCHEMAS, prepare_manifest

Node = dict[str, Any]

PREFIXES = {
    "staging": r"stg_(app|serving|published)__\w+",
    "intermediate": r"int_[a-z]+__\w+",
    "features": r"feat_[a-z_]+__\w+",
    "marts": r"(dim|fct)_\w+",
}
MAY_READ = {
    "staging": {"sources", "staging"},
    "intermediate": {"seeds", "staging", "intermediate"},
    "features": {"staging", "intermediate", "features"},
    "marts": {"staging", "intermediate", "features", "marts"},
}
LONGEST_NAME = 45

# The cut-off is read everywhere, and by nothing but its macro.
CUTOFF = "source.timelevelup.control.cutoff"
# Staging that cannot stand without another table of the app, and which.
STAGED_WITH = {
    # A completion is undone by the event's own last edit.
    ("stg_app__event_study_data", "stg_app__calendar_events"),
    # The year of a curriculum decides how many 등급 there are.
    ("stg_app__student_internal_scores", "stg_app__curriculum_revisions"),
}
# Staged for what comes later: the study schedule, the reports, the learning patterns, intervals held against scores.
NOT_READ_YET = {
    "stg_app__student_block_schedule",
    "stg_app__student_block_sets",
    "stg_app__student_content_progress",
    "stg_app__student_history",
    "stg_app__tenant_scheduler_settings",
    "stg_app__tenants",
    "stg_app__time_slots",
}
# Models without a test on a key of their own, and why.
KEYLESS = {
    "int_study__spells": "a stretch of time has no id",
    "int_score__gains": "built from one row per key",
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return json.loads(prepare_manifest(Settings(tmp_path_factory.mktemp("home"))).read_text("utf-8"))


@pytest.fixture(scope="module")
def models(manifest: Node) -> list[Node]:
    found = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert {_layer(model["unique_id"], manifest) for model in found} == set(PREFIXES)
    return found


def _layer(unique_id: str, manifest: Node) -> str:
    kind = unique_id.split(".")[0]
    return manifest["nodes"][unique_id]["fqn"][1] if kind == "model" else f"{kind}s"


def _name(unique_id: str) -> str:
    return unique_id.split(".")[-1]


def _parents(model: Node) -> list[str]:
    return [parent for parent in model["depends_on"]["nodes"] if parent != CUTOFF]


def _sources(model: Node) -> list[str]:
    return [parent for parent in _parents(model) if parent.startswith("source.")]


def test_names_tell_the_layer_and_fit_into_postgres(manifest: Node, models: list[Node]) -> None:
    wrong = [
        model["name"]
        for model in models
        if len(model["name"]) > LONGEST_NAME
        or not re.fullmatch(PREFIXES[_layer(model["unique_id"], manifest)], model["name"])
    ]
    assert not wrong


def test_layers_read_only_what_lies_below(manifest: Node, models: list[Node]) -> None:
    wrong = [
        f"{model['name']} reads {parent}"
        for model in models
        for parent in _parents(model)
        if _layer(parent, manifest) not in MAY_READ[_layer(model["unique_id"], manifest)]
    ]
    assert not wrong


def test_staging_reads_its_own_source_and_no_other_model(manifest: Node, models: list[Node]) -> None:
    staging = [model for model in models if _layer(model["unique_id"], manifest) == "staging"]
    beside = {(m["name"], _name(p)) for m in staging for p in _parents(m) if p.startswith("model.")}
    assert beside == STAGED_WITH
    own = {m["name"]: [f"stg_{'__'.join(source.split('.')[-2:])}" for source in _sources(m)] for m in staging}
    assert not {name: read for name, read in own.items() if read != [name]}


def test_no_model_joins_sources(models: list[Node]) -> None:
    assert not [model["name"] for model in models if len(_sources(model)) > 1]


def test_every_source_is_read_by_one_model(manifest: Node) -> None:
    readers = {
        source: [child for child in manifest["child_map"][source] if child.startswith("model.")]
        for source in manifest["sources"]
        if source != CUTOFF
    }
    assert readers
    assert not {source: found for source, found in readers.items() if len(found) != 1}


def test_every_model_below_the_features_is_read(manifest: Node, models: list[Node]) -> None:
    unread = {
        model["name"]
        for model in models
        if _layer(model["unique_id"], manifest) in {"staging", "intermediate"}
        and not [child for child in manifest["child_map"][model["unique_id"]] if child.startswith("model.")]
    }
    assert unread == NOT_READ_YET


def test_no_table_is_named_but_by_ref_or_source(manifest: Node) -> None:
    schemas = "|".join([*SCHEMAS.values(), "public", "serving"])
    wrong = [
        f"{path}: {found}"
        for path, code in _code(manifest)
        for found in re.findall(rf'"?\b(?:{schemas})\w*"?\."?\w+', _without_comments(code))
    ]
    assert not wrong


def _without_comments(code: str) -> str:
    return re.sub(r"--.*", "", re.sub(r"\{#.*?#\}", "", code, flags=re.DOTALL))


def _code(manifest: Node) -> list[tuple[str, str]]:
    nodes = [(node["original_file_path"], node.get("raw_code", "")) for node in manifest["nodes"].values()]
    macros = [
        (macro["original_file_path"], macro["macro_sql"])
        for macro in manifest["macros"].values()
        if macro["package_name"] == "timelevelup"
    ]
    return nodes + macros


def test_every_model_and_column_of_features_and_marts_is_described(manifest: Node, models: list[Node]) -> None:
    wrong = [model["name"] for model in models if not model["description"]]
    read = [model for model in models if _layer(model["unique_id"], manifest) in {"features", "marts"}]
    wrong += [model["name"] for model in read if not model["columns"]]
    wrong += [
        f"{model['name']}.{column['name']}"
        for model in read
        for column in model["columns"].values()
        if not column["description"]
    ]
    assert not wrong


def test_every_model_has_a_test_on_its_key(manifest: Node, models: list[Node]) -> None:
    keyed = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") in {"unique", "is_unique_combination"}
    }
    assert {model["name"] for model in models if model["unique_id"] not in keyed} == set(KEYLESS)


def test_features_have_an_enforced_contract(manifest: Node, models: list[Node]) -> None:
    features = [model for model in models if _layer(model["unique_id"], manifest) == "features"]
    assert not [model["name"] for model in features if not model["contract"]["enforced"]]


def test_dbt_owns_nothing_that_the_app_reads(manifest: Node) -> None:
    schemas = {node["schema"] for node in manifest["nodes"].values() if node["resource_type"] in {"model", "seed"}}
    assert schemas == {f"{SCHEMAS[RUN_TARGET]}_{layer}" for layer in PREFIXES}


def test_exposures_read_marts_or_features_only(manifest: Node) -> None:
    exposures = manifest["exposures"].values()
    assert exposures
    wrong = [
        f"{exposure['name']} reads {parent}"
        for exposure in exposures
        for parent in exposure["depends_on"]["nodes"]
        if _layer(parent, manifest) not in {"features", "marts"}
    ]
    assert not wrong


def test_no_packages_are_needed() -> None:
    assert not [*DBT_PROJECT.glob("packages.yml"), *DBT_PROJECT.glob("dependencies.yml")]


def test_settings_that_models_share_are_the_same_number(manifest: Node) -> None:
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text("utf-8"))
    assert project["vars"]["confidence_points"] == ScorePredictionConfig().confidence_points
    assert tuple(project["vars"]["acting_verdicts"]) == ACTED
