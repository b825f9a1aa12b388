"""What the environment may decide, read once and passed on.

Belongs here: names, defaults and meaning of the environment variables, and the folders under `TLU_HOME`.
Not here: opening anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import load_dotenv

REPOSITORY = Path(__file__).resolve().parent.parent
DBT_PROJECT = REPOSITORY / "dbt_project"

# Students whose lists are not personal, of a thousand 20. A judgement: few enough to harm few, and only a large academy
# or a long time will tell a small effect.
HOLDOUT_SHARE = 0.02

# Environments that register the nightly schedule as running. Anything undeclared is refused, not guessed.
SCHEDULE_RUNS_IN = {"local": False, "ci": False, "production": True}


class SettingsError(Exception):
    """An environment variable has a value that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Where state lives and which database is read.

    `database_url` is `SUPABASE_DB_URL`, or None for the local stand-in. `publisher_url` is `SUPABASE_PUBLISHER_URL`:
    the same database, as a role that may publish; None: the same role. Both hold passwords and are kept out of repr.
    `holdout_share` is `TLU_HOLDOUT_SHARE`: students whose lists are not personal, for comparison; 0 is none.
    """

    home: Path
    environment: str = "local"
    database_url: str | None = field(default=None, repr=False)
    publisher_url: str | None = field(default=None, repr=False)
    holdout_share: float = HOLDOUT_SHARE

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the variables named in `.env.example`. Raises SettingsError naming every bad value."""
        problems = []
        environment = env.get("TLU_ENVIRONMENT") or "local"
        if environment not in SCHEDULE_RUNS_IN:
            problems.append(f"TLU_ENVIRONMENT is {environment!r}; it must be one of {', '.join(SCHEDULE_RUNS_IN)}")
        urls = {name: env.get(name) or None for name in ("SUPABASE_DB_URL", "SUPABASE_PUBLISHER_URL")}
        problems += [
            f"{name} must have the form postgresql://user:password@host:port/database, "
            "with # / ? @ and blanks in user and password percent-encoded"
            for name, url in urls.items()
            if url and not _is_database_url(url)
        ]
        if urls["SUPABASE_PUBLISHER_URL"] and not urls["SUPABASE_DB_URL"]:
            problems.append("SUPABASE_PUBLISHER_URL is set, but not SUPABASE_DB_URL, which says what is read")
        share = env.get("TLU_HOLDOUT_SHARE") or str(HOLDOUT_SHARE)
        if not _is_share(share):
            problems.append(f"TLU_HOLDOUT_SHARE is {share!r}; it must be a number from 0, nobody, to below 1")
        if problems:
            raise SettingsError("; ".join(problems))
        home = Path(env.get("TLU_HOME") or REPOSITORY / ".tlu").expanduser().absolute()
        return cls(
            home=home,
            environment=environment,
            database_url=urls["SUPABASE_DB_URL"],
            publisher_url=urls["SUPABASE_PUBLISHER_URL"],
            holdout_share=float(share),
        )

    @property
    def dagster_home(self) -> Path:
        """Runs and events of Dagster."""
        return self.home / "dagster"

    @property
    def dbt_target(self) -> Path:
        """Dbt's manifest, compiled SQL and run results."""
        return self.home / "dbt"

    @property
    def candidates(self) -> Path:
        """Candidates, one folder a run."""
        return self.home / "candidates"

    @property
    def artifacts(self) -> Path:
        """Trained models, one folder a run."""
        return self.home / "artifacts"

    @property
    def validations(self) -> Path:
        """Outcomes of the expectations, one folder a run."""
        return self.home / "validations"

    @property
    def sample_file(self) -> Path:
        """Size and seed of the sample that the stand-in holds; not there when it holds something else."""
        return self.home / "sample.json"

    @property
    def marts_file(self) -> Path:
        """The DuckDB file that analysts open."""
        return self.home / "marts.duckdb"


def _is_database_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"postgresql", "postgres"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # what stands where the port should be is no number
        return False


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) < 1
    except ValueError:
        return False


def load_settings() -> Settings:
    """Settings of this process: from the environment, and from `.env` where the environment is silent."""
    load_dotenv(REPOSITORY / ".env")
    return Settings.from_env(os.environ)
