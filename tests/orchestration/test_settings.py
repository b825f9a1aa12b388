from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.settings import Settings, SettingsError


def test_defaults_are_the_local_stand_in() -> None:
    settings = Settings.from_env({})
    assert (settings.environment, settings.database_url) == ("local", None)


def test_an_undeclared_environment_and_a_bad_url_are_both_named() -> None:
    with pytest.raises(SettingsError, match=r"TLU_ENVIRONMENT.*SUPABASE_DB_URL"):
        Settings.from_env({"TLU_ENVIRONMENT": "staging", "SUPABASE_DB_URL": "localhost"})


def test_the_password_is_not_in_repr() -> None:
    assert "hush" not in repr(Settings(Path("/x"), database_url="postgresql://u:hush@h/d"))


@pytest.mark.parametrize(
    "url", ["localhost", "mysql://u@h/d", "postgresql:///d", "postgresql://u:pw#x@h:5432/d", "postgresql://u@h:port/d"]
)
def test_a_url_that_no_driver_would_read_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(SettingsError, match="percent-encoded") as refused:
        Settings.from_env({"SUPABASE_DB_URL": url})
    assert "pw#x" not in str(refused.value)
