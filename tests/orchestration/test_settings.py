from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.settings import Settings, SettingsError


def test_defaults_are_the_local_stand_in() -> None:
    settings = Settings.from_env({})
    assert (settings.environment, settings.database_url) == ("local", None)


def test_an_undeclared_environment_and_a_bad_url_are_both_named() -> None:
    bad = {"TLU_ENVIRONMENT": "staging", "SUPABASE_DB_URL": "localhost", "SUPABASE_PUBLISHER_URL": "localhost"}
    bad["TLU_HOLDOUT_SHARE"] = "2 %"
    named = r"TLU_ENVIRONMENT.*SUPABASE_DB_URL.*SUPABASE_PUBLISHER_URL.*TLU_HOLDOUT_SHARE"
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(bad)


@pytest.mark.parametrize(("given", "share"), [("", 0.02), ("0", 0.0), ("0.1", 0.1)])
def test_the_holdout_is_switched_off_by_one_setting(given: str, share: float) -> None:
    assert Settings.from_env({"TLU_HOLDOUT_SHARE": given}).holdout_share == share


@pytest.mark.parametrize("given", ["-0.1", "1", "nan", "half"])
def test_a_holdout_is_a_share(given: str) -> None:
    with pytest.raises(SettingsError, match="TLU_HOLDOUT_SHARE"):
        Settings.from_env({"TLU_HOLDOUT_SHARE": given})


def test_a_publisher_without_a_database_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match="SUPABASE_PUBLISHER_URL is set, but not SUPABASE_DB_URL"):
        Settings.from_env({"SUPABASE_PUBLISHER_URL": "postgresql://u@h/d"})


def test_the_password_is_not_in_repr() -> None:
    url = "postgresql://u:hush@h/d"
    assert "hush" not in repr(Settings(Path("/x"), database_url=url, publisher_url=url))


@pytest.mark.parametrize(
    "url", ["localhost", "mysql://u@h/d", "postgresql:///d", "postgresql://u:pw#x@h:5432/d", "postgresql://u@h:port/d"]
)
def test_a_url_that_no_driver_would_read_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(SettingsError, match="percent-encoded") as refused:
        Settings.from_env({"SUPABASE_DB_URL": url})
    assert "pw#x" not in str(refused.value)
