"""Entry point of the code location: reads the environment once, here, and nothing else."""

from __future__ import annotations

from orchestration.build import build_definitions
from orchestration.settings import load_settings

defs = build_definitions(load_settings())
