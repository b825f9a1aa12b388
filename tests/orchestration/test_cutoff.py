from __future__ import annotations

import datetime as dt

import pytest

from orchestration.cutoff import Cutoff, CutoffError, read_cutoff


def test_cutoff_is_midnight_in_seoul() -> None:
    assert Cutoff.parse("2014-06-01").at.astimezone(dt.UTC) == dt.datetime(2014, 5, 31, 15, tzinfo=dt.UTC)


def test_day_of_the_run_is_seouls() -> None:
    assert Cutoff.today(dt.datetime(2026, 11, 22, 19, 30, tzinfo=dt.UTC)).date == dt.date(2026, 11, 23)


@pytest.mark.parametrize("text", ["yesterday", "2014-13-01", "01/06/2014", "2014-06-31"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(CutoffError, match="YYYY-MM-DD"):
        Cutoff.parse(text)


def test_the_last_written_cutoff_is_the_only_one(postgres_url: str) -> None:
    Cutoff.parse("2014-06-01").write(postgres_url, "analytics")
    Cutoff.parse("2014-06-02").write(postgres_url, "analytics")
    assert read_cutoff(postgres_url, "analytics").date == dt.date(2014, 6, 2)
