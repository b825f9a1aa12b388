"""Everything that publishing may refuse or fail with. One base, so that a caller can catch all of it."""

from __future__ import annotations

from collections.abc import Iterable


class PublishingError(Exception):
    """Nothing was published and what was live still is; `str()` says why and what to do."""


class MigrationError(PublishingError):
    """The database could not be brought to the state that supabase/migrations describe."""


class CandidateError(PublishingError):
    """A candidate is missing, incomplete, damaged or not what the contract asks for."""


class GateRefused(PublishingError):
    """The candidate must not be published; `reasons` holds every reason found."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = list(reasons)
        super().__init__("The gate refused the candidate:\n" + "\n".join(f"- {reason}" for reason in self.reasons))


class OlderCandidate(PublishingError):
    """A candidate that is older than what is live came late."""


class NothingPublished(PublishingError):
    """There is nothing live yet that could be gone back from, or be replaced in part."""


class PublishLocked(PublishingError):
    """Another publisher is at work on this database."""


class StagingChanged(PublishingError):
    """What lies in staging is not what was loaded and checked."""
