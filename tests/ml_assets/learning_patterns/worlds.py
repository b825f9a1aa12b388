"""Small worlds for the tests of learning patterns: from a log of plans and sessions to the input frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.learning_patterns.inputs import LearningPatternInput

AS_OF = dt.date(2026, 10, 28)  # a Wednesday
WINDOW, HISTORY = 84, 546


@dataclass
class World:
    """`students`; `plans` are (student, days before the cut-off, subject, done); `sessions` are (student, days before,
    hour, minutes); `works` are (student, content type, subject, minutes, units, estimated minutes).
    """

    students: list[dict[str, Any]] = field(default_factory=list)
    plans: list[tuple[str, int, str, bool]] = field(default_factory=list)
    sessions: list[tuple[str, int, int, float]] = field(default_factory=list)
    works: list[tuple[str, str, str, float, float, float]] = field(default_factory=list)

    def student(self, student_id: str, tenant: str = "t1", school: str | None = "HIGH", year: int | None = 2) -> None:
        self.students.append(
            {"student_id": student_id, "tenant_id": tenant, "school_type": school, "school_year_level": year}
        )

    def plan(self, student: str, days: Iterable[int], done: bool = True, subject: str = "수학") -> None:
        self.plans += [(student, day, subject, done) for day in days]

    def study(self, student: str, days: Iterable[int], hour: int = 18, minutes: float = 60.0) -> None:
        self.sessions += [(student, day, hour, minutes) for day in days]

    def work(
        self,
        student: str,
        minutes: Iterable[float],
        kind: str = "book",
        subject: str = "수학",
        units: float = 10.0,
        estimated: float = 30.0,
    ) -> None:
        self.works += [(student, kind, subject, float(value), units, estimated) for value in minutes]

    def frames(self) -> dict[str, pd.DataFrame]:
        plans = pd.DataFrame(self.plans, columns=["student_id", "back", "subject_group", "done"])
        plans["done"] = plans["done"].astype(int)
        sessions = pd.DataFrame(self.sessions, columns=["student_id", "back", "start_hour", "minutes"])
        return {
            "students": pd.DataFrame(
                self.students, columns=["student_id", "tenant_id", "school_type", "school_year_level"]
            ),
            "daily": _daily(plans, sessions),
            "hours": _hours(sessions),
            "rhythm": _rhythm(plans),
            "subjects": _subjects(plans),
            "weekly": _weekly(plans),
            "kinds": _kinds(self.works),
        }

    def input(self) -> LearningPatternInput:
        return LearningPatternInput(as_of=AS_OF, **self.frames())


def day_of(back: pd.Series) -> pd.Series:
    return (pd.Timestamp(AS_OF) - pd.to_timedelta(back, unit="D")).astype("datetime64[s]")


def _daily(plans: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    key = ["student_id", "back"]
    planned = plans.groupby(key)["done"].agg(planned_count="size", done_count="sum")
    late = sessions.assign(late=sessions["minutes"].where(~sessions["start_hour"].between(5, 22), 0))
    timed = late.groupby(key).agg(
        spell_count=("minutes", "size"), net_seconds=("minutes", "sum"), late_seconds=("late", "sum")
    )
    timed[["net_seconds", "late_seconds"]] *= 60.0
    both = planned.join(timed, how="outer").reset_index()
    both[["planned_count", "done_count", "spell_count"]] = both[["planned_count", "done_count", "spell_count"]].fillna(
        0
    )
    both = both[both["back"] <= HISTORY]
    return both.assign(ticked_count=both["done_count"], activity_date=day_of(both["back"]))


def _hours(sessions: pd.DataFrame) -> pd.DataFrame:
    recent = sessions[sessions["back"] <= WINDOW]
    hours = recent.groupby(["student_id", "start_hour"])["minutes"].agg(spell_count="size", net_seconds="sum")
    return hours.reset_index().assign(
        net_seconds=lambda rows: rows["net_seconds"] * 60.0, planned_count=0, done_count=0
    )


def _rhythm(plans: pd.DataFrame) -> pd.DataFrame:
    recent = plans[plans["back"] <= WINDOW]
    weekday = (day_of(recent["back"]).dt.day_of_week + 1) % 7
    counts = (
        {
            name: recent.assign(n=values)
            .pivot_table(index="student_id", columns=weekday.to_numpy(), values="n", aggfunc="sum", fill_value=0)
            .reindex(columns=range(7), fill_value=0)
            for name, values in (("weekday_planned_count", 1), ("weekday_done_count", recent["done"]))
        }
        if len(recent)
        else {}
    )
    if not counts:
        return pd.DataFrame({"student_id": [], "weekday_planned_count": [], "weekday_done_count": []})
    index = counts["weekday_planned_count"].index
    return pd.DataFrame(
        {"student_id": index, **{name: list(found.to_numpy(np.int64)) for name, found in counts.items()}}
    )


def _subjects(plans: pd.DataFrame) -> pd.DataFrame:
    recent = plans[plans["back"] <= WINDOW]
    found = recent.groupby(["student_id", "subject_group"])["done"].agg(planned_84d_count="size", done_84d_count="sum")
    return found.reset_index()


def _weekly(plans: pd.DataFrame) -> pd.DataFrame:
    day = day_of(plans["back"])
    week = (day - pd.to_timedelta(day.dt.day_of_week, unit="D")).astype("datetime64[s]")
    found = (
        plans.assign(week_start=week)
        .groupby(["student_id", "subject_group", "week_start"])["done"]
        .agg(planned_count="size", done_count="sum")
    )
    return found.reset_index()


def _kinds(works: list[tuple[str, str, str, float, float, float]]) -> pd.DataFrame:
    rows = pd.DataFrame(works, columns=["student_id", "content_type", "subject_group", "minutes", "units", "estimated"])
    parts = {
        "minutes": ("item_count", np.log(rows["minutes"])),
        "unit_minutes": ("unit_item_count", np.log(rows["minutes"] / rows["units"])),
        "pace": ("estimated_item_count", np.log(rows["minutes"] / rows["estimated"])),
    }
    key = ["student_id", "content_type", "subject_group"]
    found = []
    for name, (count, values) in parts.items():
        grouped = rows.assign(value=values).groupby(key)["value"]
        found.append(
            pd.DataFrame(
                {count: grouped.count(), f"mean_log_{name}": grouped.mean(), f"var_log_{name}": grouped.var(ddof=0)}
            )
        )
    return pd.concat(found, axis=1).reset_index()


def academy(count: int = 40, seed: int = 0, tenant: str = "t1", hour: int = 18) -> World:
    """Students who plan and study about `hour` on three days in four, all timed, and do seven in ten plans."""
    rng = np.random.default_rng(seed)
    world = World()
    for number in range(count):
        name = f"{tenant}-s{number:03}"
        world.student(name, tenant, year=1 + number % 3)
        for day in range(1, 127):
            if rng.random() < 0.75:
                done = bool(rng.random() < 0.7)
                world.plan(name, [day], done, ("국어", "수학", "영어")[day % 3])
                if done:
                    world.study(name, [day], int(np.clip(round(rng.normal(hour, 1)), 0, 23)), rng.uniform(30, 90))
        world.work(name, np.exp(rng.normal(3.5, 0.3, 8)))
    return world
