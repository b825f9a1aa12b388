"""What a backtest knows of the sample it may be run on."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from local_supabase.sample.traits import hidden_traits
from orchestration.backtest import hidden_habits
from orchestration.settings import Settings


def test_what_the_students_of_a_sample_are_like_is_known(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    settings.sample_file.write_text(json.dumps({"students": 40, "seed": 3}), "utf-8")
    found = hidden_habits(settings)
    assert found is not None
    pd.testing.assert_frame_equal(found, hidden_traits(40, 3))
    assert {"student_id", "slot", "peak_hour"} <= set(found.columns)


def test_nothing_is_known_of_data_that_is_no_sample(tmp_path: Path) -> None:
    assert hidden_habits(Settings(tmp_path)) is None
