"""The analysis as tables for people: what `tlu show` and `tlu backtest` print of it.

Belongs here: columns, rounding and headings. Not here: reading or measuring anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.table import Table

NARROW: Final = ("as of", "answer")
"""Columns of names that are read as one word."""


def _table(title: str, texts: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name in texts:
        table.add_column(name, overflow="fold", no_wrap=name in NARROW)
    for name in numbers:
        # As wide as a figure with its decimals: on a narrow terminal words are folded, and numbers never cut.
        table.add_column(name, justify="right", no_wrap=True, min_width=max(6, len(name)))
    return table


ANALYSED: Final = ("patterns", "risks", "outlook", "warnings")
"""Parts of the analysis of a student, in the order in which they are shown."""


def student_tables(analysed: Mapping[str, Sequence[Mapping[str, Any]]], parts: Sequence[str] = ANALYSED) -> list[Table]:
    """Habits, subjects, outlook and open warnings of a student; what there is nothing of has no table."""
    tables = {"patterns": _habits, "risks": _risks, "outlook": _predictions, "warnings": _open_warnings}
    return [tables[part](analysed[part]) for part in parts if analysed[part]]


def _habits(rows: Sequence[Mapping[str, Any]]) -> Table:
    [row] = rows
    table = _table(f"How the student studies ({row['source']}, {row['basis']})", ("what", "found"))
    table.add_row("preferred times", ", ".join(row["preferred_study_times"]) or "insufficient")
    table.add_row("peak hours", ", ".join(map(str, row["peak_productivity_hours"])) or "insufficient")
    table.add_row("session", _with_unit(row["avg_session_duration_minutes"], "minutes"))
    table.add_row("day", _with_unit(row["average_daily_study_minutes"], "minutes where timed"))
    table.add_row("completion", _with_unit(row["overall_completion_rate"], "% of plans"))
    for change in row["details"].get("change_points", []):
        table.add_row("since", change["text"])
    return table


def _risks(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Subjects, the riskiest first", ("subject", "why"), ("risk", "old", "exams"))
    for row in rows:
        risk, old = _rounded(row["risk_score"]), _rounded(row["legacy_risk_score"])
        table.add_row(row["subject"], row["reasoning"], risk, old, str(row["score_count"]))
    return table


def _predictions(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Outlook", ("prediction", "told", "basis"), ("score", "usual"))
    for row in rows:
        score, base = _rounded(row["prediction_score"]), _rounded(row["base_score"])
        table.add_row(row["prediction_type"], row["reasoning"], row["basis"], score, base)
    return table


def _open_warnings(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Open warnings", ("since", "type", "subject", "severity", "told"))
    for row in rows:
        table.add_row(*(row[name] for name in ("detected_date", "warning_type", "subject", "severity", "reasoning")))
    return table


def backtest_tables(results: Sequence[Mapping[str, Any]]) -> list[Table]:
    """The outlook, its warnings, and the patterns at each cut-off, beside their baselines."""
    return [_outlook(results), _warnings(results), _patterns(results)]


def _outlook(results: Sequence[Mapping[str, Any]]) -> Table:
    table = _table(
        "Outlook: what was likely, and what came",
        ("as of", "question", "answer"),
        ("n", "rate", "AUROC", "Brier", "ECE"),
    )
    for result in results:
        for name, block in result["outlook"].items():
            if name == "warnings":
                continue
            _add_outlook(table, result["as_of"], name, block)
            for start, own in block.get("by_course_start", {}).items():
                _add_outlook(table, result["as_of"], f"{name}, courses from {start}", own)
    return table


def _add_outlook(table: Table, day: str, name: str, block: Mapping[str, Any]) -> None:
    if "brier" not in block:
        table.add_row(day, name, block["in_use"], f"{block['n']:,}")
        return
    table.add_row(day, name, block["in_use"], f"{block['n']:,}", f"{block['rate']:.3f}", *_probability(block))
    for code, figures in block["baselines"].items():
        table.add_row("", "", code, "", "", *_probability(figures))


def _probability(figures: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_decimals(figures[name], 4) for name in ("auroc", "brier", "expected_calibration_error"))


def _warnings(results: Sequence[Mapping[str, Any]]) -> Table:
    table = _table(
        "Warnings of falling silent, beside plain rules with as many alerts",
        ("as of", "rule"),
        ("alerts", "precision", "came true", "recall", "lead days", "flaps"),
    )
    for result in results:
        block = result["outlook"]["warnings"]
        if not block.get("alerts"):
            table.add_row(result["as_of"], "no warnings", "0")
            continue
        for rule, figures in {"ours": block, **block["baselines"]}.items():
            table.add_row(
                result["as_of"],
                rule,
                f"{figures['alerts']:,}",
                _decimals(figures["precision"], 3),
                _decimals(figures["came_true"], 3),
                _decimals(figures["recall"], 3),
                _decimals(figures["median_lead_days"], 0),
                _decimals(figures["flaps_per_student"], 3),
            )
    return table


def _patterns(results: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Patterns: what was told, and what is true (all of it with --json)", ("as of", "figure"), _COMPARED)
    for result in results:
        for figure, ours, baseline in HEADLINES:
            value = _at(result["patterns"], ours)
            if value is not None:
                table.add_row(
                    result["as_of"], figure, _decimals(value, 3), _decimals(_at(result["patterns"], baseline), 3)
                )
    return table


_COMPARED: Final = ("ours", "baseline")

_RECOVERED: Final = "subjects.hidden.at_least_4_scores.lowest_and_highest"
HEADLINES: Final = (
    (
        "preferred time is that of the next 4 weeks (the cohort's)",
        "preferred_slot.first",
        "preferred_slot.baselines.most_common_of_others.first",
    ),
    (
        "peak hour is within one of the next 4 weeks' (the cohort's)",
        "peak_hour.within_one_hour",
        "peak_hour.baselines.most_common_of_others.within_one_hour",
    ),
    (
        "Brier score of completion by weekday (rate of all)",
        "completion_by_weekday.brier",
        "completion_by_weekday.baselines.rate_of_all.brier",
    ),
    (
        "work done within its P80 (within the app's estimate)",
        "realistic_minutes.within_p80",
        "realistic_minutes.by_pace.baselines.app_estimate.within_p80",
    ),
    (
        "hidden preferred time, 30 sessions or more (plain count)",
        "hidden.preferred_slot.first",
        "hidden.preferred_slot.baselines.most_counted.first",
    ),
    (
        "hidden peak hour within one (plain count)",
        "hidden.peak_hour.within_one_hour",
        "hidden.peak_hour.baselines.most_counted.within_one_hour",
    ),
    ("told under the minimum", "hidden.under_minimum.told", ""),
    (
        "hidden weakest subject, 4 scores or more (mean)",
        f"{_RECOVERED}.level.weakest",
        f"{_RECOVERED}.mean_percentile.weakest",
    ),
    (
        "hidden strongest subject (mean)",
        f"{_RECOVERED}.level.strongest",
        f"{_RECOVERED}.mean_percentile.strongest",
    ),
    (
        "AUROC of a next place below 40 (the old formula)",
        "subjects.later.below_40.auroc.level",
        "subjects.later.below_40.auroc.old_risk",
    ),
)
"""What is shown of the patterns: in words, with what it stands beside; where it is; and where that is."""


def _at(block: Mapping[str, Any], path: str) -> float | None:
    """The number under `path`; None where it, or a block on the way, is not there."""
    found: Any = block
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found if isinstance(found, int | float) else None


def _decimals(value: float | None, digits: int) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"


def _rounded(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _with_unit(value: float | None, unit: str) -> str:
    return "insufficient" if value is None else f"{value:.0f} {unit}"
