"""What holds of every history of warnings, on random daily probabilities, verdicts, gaps and departures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.inputs import KEY, VERDICTS
from ml_assets.early_warnings.step import days_in_seoul
from tests.ml_assets.early_warnings.worlds import BURNOUT, DROP, STRUGGLE, Seen, actions, day, evidence, night, no_state

SERIES = [(DROP, ""), (BURNOUT, ""), (STRUGGLE, "수학"), (STRUGGLE, "영어")]
TENANTS = {"a1": "t1", "a2": "t1", "a3": "t1", "a4": "t1", "b1": "t2", "b2": "t2"}
few_worlds = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""A night of 24 series takes a twentieth of a second, so few worlds, and the same ones on every machine."""


@dataclass(frozen=True)
class Night:
    number: int
    config: EarlyWarningConfig
    who: pd.DataFrame
    seen: pd.DataFrame
    said: pd.DataFrame
    before: pd.DataFrame
    after: pd.DataFrame
    held_back: pd.DataFrame

    def of(self, tenant_id: str) -> pd.DataFrame:
        """What the night gives when the academy is alone."""
        who, seen, said, before = (
            frame[frame["tenant_id"] == tenant_id] for frame in (self.who, self.seen, self.said, self.before)
        )
        return night(day(self.number), seen, before, who=who, said=said, config=self.config).warnings

    def again(self, before: pd.DataFrame, seed: int) -> pd.DataFrame:
        """What the night gives once more, from rows in another order."""
        who, seen, said, state = (
            frame.sample(frac=1, random_state=seed) for frame in (self.who, self.seen, self.said, before)
        )
        return night(day(self.number), seen, state, who=who, said=said, config=self.config).warnings


@st.composite
def histories(draw: st.DrawFn, nights: int) -> list[Night]:
    """Some weeks of nights: jumping or drifting probabilities, gaps in them, verdicts, and students who leave."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    config = EarlyWarningConfig(
        weekly_least=draw(st.integers(1, 12)),
        weekly_per_100_students=draw(st.sampled_from([5.0, 100.0])),
        clear_days=draw(st.integers(1, 3)),
        missing_days=draw(st.integers(1, 5)),
        dismissed_cool_down_days=draw(st.integers(7, 14)),
    )
    jump = draw(st.sampled_from([0.05, 0.3, 1.0]))
    first = draw(st.integers(0, 6))
    gaps, leaving = draw(st.sampled_from([0.0, 0.1, 0.4])), draw(st.sampled_from([0.0, 0.05]))
    level = rng.random((len(TENANTS), len(SERIES)))
    state, found = no_state(), []
    for number in range(first, first + nights):
        level = np.clip(level + rng.normal(0, jump, level.shape), 0, 1)
        rows: list[Seen] = [
            (student, kind, subject, float(level[s, k]))
            for s, student in enumerate(TENANTS)
            for k, (kind, subject) in enumerate(SERIES)
            if rng.random() >= gaps
        ]
        seen = evidence(day(number), rows, TENANTS)
        here = [name for name in TENANTS if rng.random() >= leaving]
        who = pd.DataFrame({"student_id": here, "tenant_id": [TENANTS[name] for name in here]}, dtype="str")
        said = actions(
            (row, str(rng.choice(VERDICTS)), day(number - 1)) for _, row in state.iterrows() if rng.random() < 0.1
        )
        done = night(day(number), seen, state, who=who, said=said, config=config)
        found.append(Night(number, config, who, seen, said, state, done.warnings, done.held_back))
        state = done.warnings
    return found


@few_worlds
@given(histories(nights=35))
def test_every_history_is_in_order(history: list[Night]) -> None:
    table = history[-1].after
    assert len(table)
    no_flap(table)
    within_budget(table, history[-1].config)
    for made in history:
        one_open(made.after)
        continued(made.before, made.after)


def one_open(table: pd.DataFrame) -> None:
    assert not table[table["resolved_at"].isna()].duplicated(KEY).any()


def no_flap(table: pd.DataFrame) -> None:
    gone = days_in_seoul(table["resolved_at"])
    assert (gone.isna() | (gone > table["detected_date"])).all()
    ordered = table.assign(gone=gone).sort_values([*KEY, "detected_date"])
    pause = (ordered["detected_date"] - ordered.groupby(KEY)["gone"].shift(1)).dt.days
    assert (pause[ordered.duplicated(KEY)] > 7).all()


def within_budget(table: pd.DataFrame, config: EarlyWarningConfig) -> None:
    week = table["detected_date"].dt.isocalendar().week
    for tenant, own in table.groupby("tenant_id"):
        most = config.weekly_budget(sum(other == tenant for other in TENANTS.values()))
        assert (own.groupby(week).size() <= most).all()


def continued(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Open warnings keep who they are, and ended ones keep everything."""
    both = before.merge(after, on=[*KEY, "detected_date"], suffixes=("_before", ""), how="left")
    gone = both[both["resolved_at_before"].notna()]
    for name in ("id", "tenant_id", "detected_at", "recommended_actions"):
        assert (both[name] == both[f"{name}_before"]).all()
    for name in ("resolved_at", "context_data", "severity", "probability", "reasoning"):
        assert (gone[name] == gone[f"{name}_before"]).all()


@few_worlds
@given(histories(nights=15), st.integers(0, 2**31))
def test_every_night_is_the_same_again_shuffled_and_of_one_academy_alone(history: list[Night], seed: int) -> None:
    for made in history[2::6]:
        assert_frame_equal(made.again(made.before, seed), made.after)
        assert_frame_equal(made.again(made.after, seed), made.after)
        for tenant in ("t1", "t2"):
            together = made.after[made.after["tenant_id"] == tenant].reset_index(drop=True)
            assert_frame_equal(made.of(tenant), together)


@few_worlds
@given(histories(nights=10))
def test_what_is_held_back_is_counted_and_nothing_else_is_lost(history: list[Night]) -> None:
    for made in history[1::4]:
        plenty = replace(made.config, weekly_least=10_000)
        all_raised = night(day(made.number), made.seen, made.before, who=made.who, said=made.said, config=plenty)
        assert all_raised.held_back.empty
        assert made.held_back["held_back_count"].sum() == len(all_raised.warnings) - len(made.after)
