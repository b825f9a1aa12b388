"""Who may import whom, held by importing each room alone in a process of its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"orchestration", "ml_assets", "expectations", "local_supabase"}

# A room, the folder it lives in, and the rooms it may import; `orchestration` itself imports all.
RULES = {
    "ml_assets": set(),
    "expectations": set(),
    "local_supabase": set(),
    "orchestration/publishing": set(),
}


def _modules(folder: str) -> list[str]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("folder", RULES)
def test_room_runs_without_dagster(folder: str) -> None:
    modules = _modules(folder)
    assert modules, f"{folder} has no modules: the rule would hold for nothing"
    code = (
        "import importlib, sys\n"
        "sys.modules['dagster'] = None\n"  # importing it now raises
        f"[importlib.import_module(name) for name in {modules!r}]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", RULES)
def test_room_imports_no_other_room(folder: str) -> None:
    room = folder.replace("/", ".")
    foreign = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in _imports(path)
        if name.split(".")[0] in ROOMS - RULES[folder] and not (name == room or name.startswith(f"{room}."))
    }
    assert not foreign


def test_lint_holds_the_same_rule() -> None:
    """Ruff must flag Dagster in every pure room, or the rule only holds where somebody runs this test."""
    for folder in RULES:
        probe = f"{folder}/probe.py"
        done = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", probe, "-"],
            input="import dagster\n",
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "TID251" in done.stdout, f"{probe} may import Dagster"
