"""What people read of the analysis: every key of a block, and words where nothing is known."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from orchestration.analysis_tables import ANALYSED, HEADLINES, backtest_tables, student_tables

HABITS: dict[str, Any] = {
    "source": "personal",
    "basis": "measured",
    "preferred_study_times": ["evening", "night"],
    "peak_productivity_hours": [20, 21],
    "avg_session_duration_minutes": 52,
    "average_daily_study_minutes": 95,
    "overall_completion_rate": 64.4,
    "details": {"change_points": [{"text": "10월 12일부터 하루 40분 덜 공부해요."}]},
}
NOTHING: dict[str, Any] = {
    "source": "cohort",
    "basis": "cohort",
    "preferred_study_times": [],
    "peak_productivity_hours": [],
    "avg_session_duration_minutes": None,
    "average_daily_study_minutes": None,
    "overall_completion_rate": None,
    "details": {"student_count": 7},
}
RISKS: list[dict[str, Any]] = [
    {"subject": "수학", "risk_score": 71.6, "legacy_risk_score": 40.2, "score_count": 6, "reasoning": "낮은 편이에요."},
    {"subject": "영어", "risk_score": None, "legacy_risk_score": None, "score_count": 1, "reasoning": "아직 몰라요."},
]
OUTLOOK: list[dict[str, Any]] = [
    {
        **{"prediction_type": "weekly_completion", "reasoning": "66%를 마칠 것으로 보입니다.", "basis": "additive"},
        **{"prediction_score": 66.4, "base_score": 68.2},
    }
]
WARNINGS: list[dict[str, Any]] = [
    {
        **{"detected_date": "2026-11-02", "warning_type": "subject_struggle", "subject": "수학", "severity": "high"},
        "reasoning": "마치지 못할 가능성이 70%입니다.",
    }
]
FIGURES = {"auroc": 0.81234, "brier": 0.1, "expected_calibration_error": None}


def cells(table: Table) -> list[tuple[str, ...]]:
    """Rows of a table."""
    return list(zip(*(list(map(str, column.cells)) for column in table.columns), strict=True))


def shown(tables: list[Table], width: int = 200) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        for table in tables:
            console.print(table)
    return capture.get()


def test_habits_are_shown_with_their_units_and_changes() -> None:
    [table] = student_tables({"patterns": [HABITS], "risks": [], "outlook": [], "warnings": []})
    assert table.title == "How the student studies (personal, measured)"
    assert cells(table) == [
        ("preferred times", "evening, night"),
        ("peak hours", "20, 21"),
        ("session", "52 minutes"),
        ("day", "95 minutes where timed"),
        ("completion", "64 % of plans"),
        ("since", "10월 12일부터 하루 40분 덜 공부해요."),
    ]


def test_what_is_not_known_is_insufficient_and_never_zero() -> None:
    [table] = student_tables({"patterns": [NOTHING], "risks": [], "outlook": [], "warnings": []})
    assert {value for _, value in cells(table)} == {"insufficient"}
    zero = {**NOTHING, "average_daily_study_minutes": 0, "overall_completion_rate": 0.0}
    [table] = student_tables({"patterns": [zero], "risks": [], "outlook": [], "warnings": []})
    assert ("completion", "0 % of plans") in cells(table)
    assert ("day", "0 minutes where timed") in cells(table)


def test_a_subject_without_a_risk_has_a_dash() -> None:
    [table] = student_tables({"patterns": [], "risks": RISKS, "outlook": [], "warnings": []})
    assert cells(table) == [("수학", "낮은 편이에요.", "72", "40", "6"), ("영어", "아직 몰라요.", "–", "–", "1")]


def test_parts_come_in_their_order_and_what_there_is_nothing_of_has_no_table() -> None:
    analysed: dict[str, list[dict[str, Any]]] = {
        **{"warnings": WARNINGS, "outlook": OUTLOOK, "risks": RISKS},
        "patterns": [HABITS],
    }
    titles = [str(table.title) for table in student_tables(analysed)]
    assert [title.split()[0] for title in titles] == ["How", "Subjects,", "Outlook", "Open"]
    assert student_tables(analysed, ("outlook",))[0].title == "Outlook"
    assert student_tables({part: [] for part in ANALYSED}) == []
    text = shown(student_tables(analysed))
    for words in ("weekly_completion", "additive", "66", "68", "2026-11-02", "subject_struggle", "high", "70%"):
        assert words in text


def block(**more: Any) -> dict[str, Any]:
    return {"n": 1234, "in_use": "additive", "rate": 0.25, **FIGURES, "baselines": {}, **more}


def test_every_question_and_baseline_of_a_backtest_has_its_row() -> None:
    result = {
        "as_of": "2026-07-14",
        "outlook": {
            "burnout_risk": block(
                baselines={"base_rate": FIGURES, "done_14d": {**FIGURES, "auroc": None}},
                by_course_start={"2026-03-02": block(n=300), "2026-05-01": {"n": 250, "in_use": "insufficient"}},
            ),
            "exam_readiness": {"n": 0, "in_use": "insufficient"},
            "warnings": {"days": 12, "in_use": "insufficient"},
        },
        "patterns": {},
    }
    outlook, warnings, patterns = backtest_tables([result])
    assert cells(outlook) == [
        ("2026-07-14", "burnout_risk", "additive", "1,234", "0.250", "0.8123", "0.1000", "–"),
        ("", "", "base_rate", "", "", "0.8123", "0.1000", "–"),
        ("", "", "done_14d", "", "", "–", "0.1000", "–"),
        ("2026-07-14", "burnout_risk, courses from 2026-03-02", "additive", "300", "0.250", "0.8123", "0.1000", "–"),
        ("2026-07-14", "burnout_risk, courses from 2026-05-01", "insufficient", "250", "", "", "", ""),
        ("2026-07-14", "exam_readiness", "insufficient", "0", "", "", "", ""),
    ]
    assert cells(warnings) == [("2026-07-14", "no warnings", "0", "", "", "", "", "")]
    assert cells(patterns) == []


def test_our_warnings_stand_beside_every_plain_rule() -> None:
    figures = {
        **{"alerts": 1500, "precision": 0.5, "came_true": 0.625, "recall": None, "median_lead_days": 9.0},
        "flaps_per_student": 0.0,
    }
    result = {
        "as_of": "2026-07-14",
        "outlook": {"warnings": {**figures, "baselines": {"idle_7_days": {**figures, "alerts": 0, "precision": None}}}},
        "patterns": {},
    }
    _, warnings, _ = backtest_tables([result])
    assert cells(warnings) == [
        ("2026-07-14", "ours", "1,500", "0.500", "0.625", "–", "9", "0.000"),
        ("2026-07-14", "idle_7_days", "0", "–", "0.625", "–", "9", "0.000"),
    ]


def under(path: str, value: object) -> dict[str, Any]:
    """Nested blocks with a value at their end."""
    first, _, rest = path.partition(".")
    return {first: under(rest, value) if rest else value}


@pytest.mark.parametrize(("figure", "ours", "baseline"), HEADLINES)
def test_each_headline_of_the_patterns_is_found_under_its_path(figure: str, ours: str, baseline: str) -> None:
    result: dict[str, Any] = {"as_of": "2026-07-14", "outlook": {"warnings": {}}, "patterns": under(ours, 0.12345)}
    *_, table = backtest_tables([result])
    assert ("2026-07-14", figure, "0.123", "–") in cells(table)
    result["patterns"] = under(ours, None)
    *_, table = backtest_tables([result])
    assert cells(table) == []
    assert baseline != ours


def test_a_headline_stands_beside_its_baseline() -> None:
    slot = {"n": 30, "first": 0.9333, "baselines": {"most_counted": {"first": 0.5, "among_told": None}}}
    result = {"as_of": "2026-07-14", "outlook": {"warnings": {}}, "patterns": {"hidden": {"preferred_slot": slot}}}
    *_, table = backtest_tables([result])
    [(day, figure, ours, baseline)] = cells(table)
    assert (day, ours, baseline) == ("2026-07-14", "0.933", "0.500")
    assert figure.startswith("hidden preferred time")


def test_on_a_narrow_terminal_words_are_folded_and_no_number_is_cut() -> None:
    questions = {
        name: block(baselines={"days_since_active": FIGURES}) for name in ("weekly_completion", "streak_break")
    }
    patterns: dict[str, Any] = {}
    for number, (_, ours, _) in enumerate(HEADLINES):
        place = patterns
        *path, last = ours.split(".")
        for name in path:
            place = place.setdefault(name, {})
        place[last] = 0.5 + number / 1000
    figures = {
        **{"alerts": 12_345, "precision": 0.5, "came_true": 0.625, "recall": 0.25, "median_lead_days": 19.0},
        "flaps_per_student": 0.125,
    }
    warnings = {**figures, "baselines": {"missed_assessment_14_days": figures}}
    result = {"as_of": "2026-07-14", "outlook": {**questions, "warnings": warnings}, "patterns": patterns}
    text = shown(backtest_tables([result]), width=80)
    assert "…" not in text
    for words in (
        "2026-07-14",
        "0.8123",
        "12,345",
        "0.625",
        *(f"{0.5 + n / 1000:.3f}" for n in range(len(HEADLINES))),
    ):
        assert words in text
