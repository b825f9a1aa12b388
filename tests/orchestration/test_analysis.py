"""How the analysis is put together: versions, what warnings and reviews are given, and what is known of outcomes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.early_warnings.config import EarlyWarningConfig, WarningRule
from ml_assets.early_warnings.inputs import WARNINGS
from ml_assets.early_warnings.review import review
from ml_assets.early_warnings.step import step
from ml_assets.outlook.evidence import BURNOUT, DROP, STRUGGLE
from ml_assets.outlook.evidence import COLUMNS as EVIDENCE
from ml_assets.outlook.model import fit
from ml_assets.outlook.publication import COLUMNS
from orchestration import analysis
from orchestration.features import Published
from tests.ml_assets.outlook.worlds import AS_OF, SMALL, World

NOBODY_SPOKE = pd.DataFrame(
    columns=["warning_id", "student_id", "tenant_id", "warning_type", "subject", "detected_date", "action_type"]
).assign(action_date=pd.Series(dtype="datetime64[s]"))
NO_WARNINGS = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in WARNINGS.items()})


def told(*rows: tuple[str, str, int, float, float], subject: str | None = None) -> pd.DataFrame:
    """Published predictions: student, type, days before AS_OF, score, outcome; their period is four weeks."""
    frame = pd.DataFrame({column: pd.Series(dtype=object) for column in COLUMNS}).reindex(range(len(rows)))
    days = [AS_OF - dt.timedelta(days=row[2]) for row in rows]
    return frame.assign(
        student_id=[row[0] for row in rows],
        tenant_id="t1",
        prediction_type=[row[1] for row in rows],
        prediction_date=pd.to_datetime(pd.Series(days, dtype="datetime64[s]")),
        prediction_score=np.array([row[3] for row in rows], dtype="float32"),
        actual_outcome=np.array([row[4] for row in rows], dtype="float32"),
        subject=subject,
        target_period_end=[(day + dt.timedelta(days=27)).isoformat() for day in days],
    )


def published(predictions: pd.DataFrame) -> Published:
    return Published(predictions=predictions, warnings=NO_WARNINGS, verdicts=NOBODY_SPOKE)


def class_of_two() -> World:
    """s1 works every day; s2 stopped half a year before AS_OF; s3 has left."""
    world = World()
    for student in ("s1", "s2"):
        world.student(student)
    world.student("s3", withdrawn=-70)
    world.active("s1", *range(-200, 0))
    world.active("s2", *range(-200, -180))
    world.active("s3", *range(-200, -70))
    return world


# Versions


@pytest.mark.parametrize("product", sorted(analysis.CONFIGS))
def test_a_version_names_its_product_and_stays(product: str) -> None:
    version = analysis.version_of(product)
    assert version == analysis.version_of(product)
    assert version.startswith(f"{product}-")
    assert len(version) == len(product) + 13


@pytest.mark.parametrize(
    ("product", "changes"),
    [
        (analysis.LEARNING_PATTERNS, {"window_days": 85}),
        (analysis.SUBJECT_RISK, {"min_exams": 99}),
        (analysis.EARLY_WARNINGS, {"clear_days": 4}),
        (analysis.EARLY_WARNINGS, {"rules": {**EarlyWarningConfig().rules, BURNOUT: WarningRule(harm=0.99)}}),
    ],
)
def test_a_version_changes_with_the_settings_of_its_product_alone(
    monkeypatch: pytest.MonkeyPatch, product: str, changes: dict[str, object]
) -> None:
    before = {name: analysis.version_of(name) for name in analysis.CONFIGS}
    changed = replace(analysis.CONFIGS[product], **changes)
    monkeypatch.setattr(analysis, "CONFIGS", {**analysis.CONFIGS, product: changed})
    after = {name: analysis.version_of(name) for name in analysis.CONFIGS}
    assert {name for name in before if before[name] != after[name]} == {product}


def test_equal_settings_have_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = analysis.version_of(analysis.EARLY_WARNINGS)
    # The rules are a mapping: in whatever order they come, they decide the same.
    turned = EarlyWarningConfig(rules=dict(reversed(list(EarlyWarningConfig().rules.items()))))
    monkeypatch.setattr(analysis, "CONFIGS", {**analysis.CONFIGS, analysis.EARLY_WARNINGS: turned})
    assert analysis.version_of(analysis.EARLY_WARNINGS) == before


# What warnings take


def test_evidence_carries_the_harm_of_its_type_and_only_who_is_here_is_warned_of() -> None:
    found = pd.DataFrame(
        [
            ("s1", "t1", BURNOUT, "", AS_OF, 0.9, "{}", "a"),
            ("s1", "t1", STRUGGLE, "수학", AS_OF, 0.9, "{}", "b"),
            ("s3", "t1", DROP, "", AS_OF, 0.9, "{}", "c"),
        ],
        columns=list(EVIDENCE),
    )
    given = analysis.warning_input(class_of_two().at(), found, published(told()))
    rules = EarlyWarningConfig().rules
    assert given.evidence["harm"].tolist() == [rules[kind].harm for kind in (BURNOUT, STRUGGLE, DROP)]
    assert given.students["student_id"].tolist() == ["s1", "s2"]
    raised = step(given).warnings
    assert set(raised["student_id"]) == {"s1"}
    assert set(raised["warning_type"]) == {BURNOUT, STRUGGLE}


# What reviews take


def test_the_log_of_a_review_is_of_silence_and_struggle_as_probabilities() -> None:
    world, rows = class_of_two(), told(("s1", BURNOUT, 50, 30, np.nan), ("s1", "weekly_completion", 50, 80, 90))
    rows = pd.concat([rows, told(("s1", STRUGGLE, 50, 62.5, 0), subject="수학")], ignore_index=True)
    given = analysis.review_input(world.at(), fit(world.at(), SMALL), published(rows))
    logged = given.logged.sort_values("warning_type", ignore_index=True)
    assert logged["warning_type"].tolist() == [BURNOUT, STRUGGLE]
    assert logged["subject"].tolist() == ["", "수학"]
    assert logged["probability"].tolist() == pytest.approx([0.3, 0.625])
    assert set(logged["evidence_date"]) == {pd.Timestamp(AS_OF - dt.timedelta(days=50))}


def test_outcomes_of_a_review_are_silences_seen_and_struggles_settled() -> None:
    world = class_of_two()
    rows = pd.concat(
        [
            told(("s1", STRUGGLE, 50, 60, 100), subject="수학"),
            told(("s1", STRUGGLE, 57, 60, 0), ("s1", STRUGGLE, 43, 60, np.nan), subject="영어"),
        ],
        ignore_index=True,
    )
    given = analysis.review_input(world.at(), fit(world.at(), SMALL), published(rows))
    found = {(row.student_id, row.warning_type, row.subject, row.event_date) for row in given.outcomes.itertuples()}
    day = pd.Timestamp(AS_OF)
    assert found == {
        # Two weeks after the last activity.
        ("s2", BURNOUT, "", day - pd.Timedelta(days=181 - 14)),
        ("s3", BURNOUT, "", day - pd.Timedelta(days=70)),
        ("s1", STRUGGLE, "수학", day - pd.Timedelta(days=50 - 27)),
    }
    # Nobody was warned of, and what might have been is replayed.
    assert review(given)["raised_count"].tolist() == [0]


def test_with_nothing_published_there_is_nothing_to_review() -> None:
    world = class_of_two()
    given = analysis.review_input(world.at(), fit(world.at(), SMALL), published(told()))
    assert given.logged.empty
    assert set(given.outcomes["warning_type"]) == {BURNOUT}
    assert review(given).empty


# What runs of the same cut-off find, in whatever order they come


def test_an_outcome_is_known_from_the_day_on_which_it_is_settled() -> None:
    days = {"weekly_completion": 14, BURNOUT: 42, STRUGGLE: 28, "exam_readiness": 56}
    rows = told(
        *(("s1", kind, settled - 1, 50, 100) for kind, settled in days.items()),
        *(("s2", kind, settled, 50, 100) for kind, settled in days.items()),
    )
    known = analysis.as_known(published(rows), class_of_two().at(), SMALL).predictions
    assert known.groupby("student_id")["actual_outcome"].count().to_dict() == {"s1": 0, "s2": 4}
    assert len(known) == 8


def test_a_run_learns_nothing_from_predictions_that_the_next_one_will_not_find() -> None:
    """Those of the second night of a week, of long ago, and of who has left go with the run that reads them."""
    gone = [("s1", STRUGGLE, 48, 80, 0), ("s1", STRUGGLE, 85, 80, 0), ("s3", STRUGGLE, 56, 80, 0)]
    stay = [("s1", STRUGGLE, 49, 60, 100), ("s1", STRUGGLE, 84, 60, 0), ("s2", STRUGGLE, 49, 60, 0)]
    world = class_of_two()
    inputs, model = world.at(), fit(world.at(), SMALL)
    first = analysis.as_known(published(told(*gone, *stay, subject="수학")), inputs, SMALL)
    again = analysis.as_known(published(told(*stay, subject="수학")), inputs, SMALL)
    assert len(first.predictions) == 3
    one, other = (analysis.review_input(inputs, model, each) for each in (first, again))
    pd.testing.assert_frame_equal(one.logged, other.logged)
    pd.testing.assert_frame_equal(one.outcomes, other.outcomes)


def test_what_has_just_been_settled_is_reviewed_at_once() -> None:
    """The run that fills an outcome in and the next one of its cut-off review the same."""
    world = World()
    world.student("s1")
    world.active("s1", *range(-150, -28))
    for day in range(-28, 0):
        world.item("s1", day)
    inputs, model = world.at(), fit(world.at(), SMALL)
    first = analysis.as_known(published(told(("s1", STRUGGLE, 28, 60, np.nan), subject="수학")), inputs, SMALL)
    assert first.predictions["actual_outcome"].tolist() == [100]
    again = analysis.as_known(first, inputs, SMALL)
    one, other = (analysis.review_input(inputs, model, each).outcomes for each in (first, again))
    assert (one["warning_type"] == STRUGGLE).sum() == 1
    pd.testing.assert_frame_equal(one, other)


def test_of_nothing_nothing_is_known() -> None:
    assert analysis.as_known(published(told()), class_of_two().at(), SMALL).predictions.empty
