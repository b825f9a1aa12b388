"""Entry point of the code location: reads the environment once, here, and nothing else."""

from __future__ import annotations

import os

from orchestration.build import build_definitions
from orchestration.settings import Settings

defs = build_definitions(Settings.from_env(os.environ))
