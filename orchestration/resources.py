"""What an asset may reach: the settings and the database. A plain object, since nothing of it is configured in Dagster.

Run configuration is stored and shown in the UI, and the database URL holds a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestration.database import database_url, publisher_url
from orchestration.settings import Settings
from orchestration.transform import RUN_TARGET, SCHEMAS


@dataclass(frozen=True)
class Pipeline:
    """Settings of this code location, and the way from them to database and folders."""

    settings: Settings

    @property
    def schema(self) -> str:
        """Prefix of the warehouse schemas of a normal run."""
        return SCHEMAS[RUN_TARGET]

    def url(self) -> str:
        """URL of the app's database; see `orchestration.database.database_url`."""
        return database_url(self.settings)

    def publisher_url(self) -> str:
        """The same for whoever writes `serving`; see `orchestration.database.publisher_url`."""
        return publisher_url(self.settings)

    def artifact(self, model: str, run_id: str) -> Path:
        """Folder of a trained model."""
        return self.settings.artifacts / model / run_id
