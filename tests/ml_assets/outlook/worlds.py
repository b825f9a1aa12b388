"""Academies whose every plan item is known, and what of them is known on any day.

Days are told from `AS_OF`: 0 is the cut-off, -1 the day before it, 7 a week after it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.features import student_features
from ml_assets.outlook.history import History, day_number
from ml_assets.outlook.inputs import OutlookInput

AS_OF = dt.date(2026, 9, 7)  # a Monday
TODAY = day_number(AS_OF)
FRAMES = ("students", "daily", "coming_week", "enrolments", "scores", "weekly", "courses")

SMALL = OutlookConfig(history_weeks=16, min_rows=100, min_events=10, knots=4)
"""Enough for a class of 50 over four months."""

_ITEM = {
    "student_id": "str",
    "subject_group": "str",
    "planned": "float64",
    "made": "float64",
    "done": "float64",
    "seconds": "float64",
    "late_seconds": "float64",
    "carried": "bool",
}


def date_of(day: object) -> Any:
    """Timestamps of days told from AS_OF; NaT for NaN."""
    return pd.Timestamp(AS_OF) + pd.to_timedelta(day, unit="D")  # type: ignore[call-overload]


@dataclass
class World:
    """Plan items, scores, enrolments: filled in by hand or by `made_class`; `at` is what is known on a day."""

    students: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    enrolments: list[dict[str, Any]] = field(default_factory=list)
    courses: list[dict[str, Any]] = field(default_factory=list)
    many: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_ITEM)).astype(_ITEM))
    """More items, as a frame."""

    def student(self, student_id: str, tenant_id: str = "t1", withdrawn: float = np.nan) -> None:
        self.students.append({"student_id": student_id, "tenant_id": tenant_id, "withdrawn": withdrawn})

    def enrol(self, student_id: str, start: int, end: int, cancelled: float = np.nan) -> None:
        self.enrolments.append({"student_id": student_id, "start": start, "end": end, "cancelled": cancelled})

    def item(self, student_id: str, planned: int, done: float = np.nan, **more: Any) -> None:
        """Something planned for a day, made a month ahead, and done on a day; not timed unless `seconds` says so."""
        self.items.append({"student_id": student_id, "planned": planned, "done": done, **more})

    def active(self, student_id: str, *days: int) -> None:
        """One item a day, done on its day."""
        for day in days:
            self.item(student_id, day, day)

    def score(self, student_id: str, known: int, percentile: float, **more: Any) -> None:
        self.scores.append({"student_id": student_id, "known": known, "percentile": percentile, **more})

    def course(self, student_id: str, subject_group: str = "수학", start: int = -200) -> None:
        self.courses.append({"student_id": student_id, "subject_group": subject_group, "start": start})

    def at(self, day: int = 0) -> OutlookInput:
        """All that is known before the day."""
        return OutlookInput(**self.frames(day))

    def frames(self, day: int = 0) -> dict[str, Any]:
        """The same, unchecked."""
        items = self.everything()
        items = items[items["made"] < day]
        items = items.assign(done=items["done"].where(items["done"] < day))
        return {
            "as_of": AS_OF + dt.timedelta(days=day),
            "students": self._students(day),
            "daily": _daily(items, day),
            "coming_week": _coming(items, day),
            "enrolments": self._enrolments(day),
            "scores": self._scores(day),
            "weekly": _weekly(items, day),
            "courses": self._courses(),
        }

    def _students(self, day: int) -> pd.DataFrame:
        rows = pd.DataFrame(self.students, columns=["student_id", "tenant_id", "withdrawn"])
        left = rows["withdrawn"].astype("float64")
        return rows.assign(
            school_type="HIGH", school_year_level=2.0, withdrawn_date=date_of(left.where(left < day))
        ).drop(columns="withdrawn")

    def _enrolments(self, day: int) -> pd.DataFrame:
        rows = pd.DataFrame(self.enrolments, columns=["student_id", "start", "end", "cancelled"])
        cancelled = rows["cancelled"].astype("float64")
        return pd.DataFrame(
            {
                "student_id": rows["student_id"],
                "start_date": date_of(rows["start"].astype("float64")),
                "end_date": date_of(rows["end"].astype("float64")),
                "cancelled_date": date_of(cancelled.where(cancelled < day)),
            }
        )

    def _scores(self, day: int) -> pd.DataFrame:
        plain = {"subject_group": "수학", "exam_kind": "mock", "exam_type": "kice"}
        rows = pd.DataFrame(
            [{**plain, **row} for row in self.scores],
            columns=["student_id", "known", "percentile", "exam", "subject_id", *plain],
        )
        rows = rows.assign(score_id=[f"x{number:05}" for number in range(len(rows))])
        known = rows["known"].astype("float64")
        exam = rows["exam"].astype("float64").fillna(known)
        subject = rows["subject_id"].where(rows["subject_id"].notna(), "id of " + rows["subject_group"])
        rows = rows.assign(exam_date=date_of(exam), known_date=date_of(known), subject_id=subject)
        return rows[known < day].drop(columns=["known", "exam"])

    def _courses(self) -> pd.DataFrame:
        rows = pd.DataFrame(self.courses, columns=["student_id", "subject_group", "start"])
        return rows.assign(
            subject_id="id of " + rows["subject_group"].astype("str"),
            course_start_date=date_of(rows["start"].astype("float64")),
        ).drop(columns="start")

    def everything(self) -> pd.DataFrame:
        """All items there ever are; days told from AS_OF."""
        rows = pd.DataFrame(self.items, columns=list(_ITEM))
        made = rows["made"].astype("float64").fillna(rows["planned"].astype("float64") - 30)
        rows = rows.assign(
            made=made,
            subject_group=rows["subject_group"].astype(object).fillna("수학"),
            carried=rows["carried"].eq(True),
            late_seconds=rows["late_seconds"].astype("float64").fillna(0.0),
        ).astype(_ITEM)
        return pd.concat([self.many, rows], ignore_index=True)


def _daily(items: pd.DataFrame, day: int) -> pd.DataFrame:
    past = items[items["planned"] < day]
    began = day - 7 * -((past["planned"] - day) // 7)
    plans = past.assign(
        planned_count=1.0,
        planned_ahead_count=(past["made"] < began).astype(float),
        done_on_time_count=(past["done"] <= past["planned"]).astype(float),
        done_in_week_count=(past["done"] - past["planned"] < 7).astype(float),
        carried_over_count=past["carried"].astype(float),
        activity_date=past["planned"],
    )
    done = items[items["done"].notna()]
    ticks = done.assign(ticked_count=1.0, activity_date=done["done"])
    is_timed = done["seconds"].notna()
    timed = done[is_timed].assign(
        activity_date=done["done"],
        spell_count=1.0,
        net_seconds=done["seconds"],
    )
    key = ["student_id", "activity_date"]
    counts = ["planned_count", "planned_ahead_count", "done_on_time_count", "done_in_week_count", "carried_over_count"]
    rows = (
        plans.groupby(key)[counts].sum()
        .join(ticks.groupby(key)[["ticked_count"]].sum(), how="outer")
        .join(timed.groupby(key)[["spell_count", "net_seconds", "late_seconds"]].sum(), how="outer")
        .reset_index()
    )  # fmt: skip
    counted = [*counts, "ticked_count", "spell_count"]
    return rows.assign(**rows[counted].fillna(0.0), activity_date=date_of(rows["activity_date"].astype("float64")))


def _coming(items: pd.DataFrame, day: int) -> pd.DataFrame:
    ahead = items[(items["planned"] >= day) & (items["planned"] < day + 7)]
    return ahead.groupby("student_id").size().astype(float).rename("planned_count").reset_index()


def _weekly(items: pd.DataFrame, day: int) -> pd.DataFrame:
    past = items[items["planned"] < day]
    monday = past["planned"] // 7 * 7  # AS_OF is a Monday
    rows = past.assign(
        week_start=monday, planned_count=1.0, done_by_week_end_count=(past["done"] < monday + 7).astype(float)
    )
    weeks = rows.groupby(["student_id", "subject_group", "week_start"])[["planned_count", "done_by_week_end_count"]]
    found = weeks.sum().reset_index()
    return found.assign(week_start=date_of(found["week_start"].astype("float64")))


def made_class(students: int = 50, weeks: int = 40, after: int = 9, seed: int = 0) -> World:
    """A class in two academies that plans daily and does what its habits let it, until some fall silent.

    `weeks` lie before AS_OF and `after` after it. A student's own rate of completion drifts slowly, and falls
    before a silence. A third of them ticks off only, a
    sixth has a full week ahead, a fifth has a second enrolment that is cancelled, a quarter of the silent withdraws.
    """
    rng = np.random.default_rng(seed)
    days = np.arange(-7 * weeks, 7 * after)
    world = World()
    parts = []
    for number in range(students):
        name = f"s{number:03}"
        level = rng.normal(0.5, 1.5)
        drift = np.cumsum(rng.normal(0, 0.06, len(days)))
        stops = int(rng.choice(days)) if rng.random() < 0.5 else 10_000
        back = stops + int(rng.integers(30, 80))
        is_away = (days >= stops) & (days < back)
        fading = np.clip((days - stops + 28) / 28, 0, 1) * (days < stops) * 3.0
        rate = np.where(is_away, 0.0, 1 / (1 + np.exp(-(level + drift - fading))))
        count = rng.integers(0, 4, len(days))
        planned = np.repeat(days, count)
        is_done = rng.random(len(planned)) < np.repeat(rate, count)
        done = np.where(is_done, planned + rng.choice([0, 0, 0, 1, 4, 9], len(planned)), np.nan)
        done = np.where((done >= stops) & (done < back), np.nan, done)
        seconds = np.where(is_done & (number % 3 < 2), rng.integers(600, 5000, len(planned)), np.nan)
        parts.append(
            pd.DataFrame(
                {
                    "student_id": name,
                    "subject_group": rng.choice(["국어", "수학", "영어"], len(planned)),
                    "planned": planned,
                    "made": planned - rng.integers(0, 20, len(planned)),
                    "done": done,
                    "seconds": seconds,
                    "late_seconds": np.where(rng.random(len(planned)) < 0.2, seconds, 0.0),
                    "carried": rng.random(len(planned)) < 0.1,
                }
            )
        )
        if number % 6 == 1:
            for place in range(14):
                world.item(name, place % 7, place % 7 if place % 3 == 0 else np.nan, made=-3)
        leaves = stops < 10_000 and number % 4 == 0
        world.student(name, f"t{number % 2}", withdrawn=float(stops + 20) if leaves else np.nan)
        world.enrol(name, int(days[0]), 400)
        if number % 5 == 0:
            world.enrol(name, -100, 60, cancelled=float(rng.integers(-60, 60)))
        for group in ("국어", "수학"):
            world.course(name, group, start=-140)
        for exam in range(int(days[0]), int(days[-1]), 35):
            for group in ("국어", "수학"):
                if rng.random() < 0.85:
                    place = float(np.clip(50 + 12 * level + rng.normal(0, 12), 1, 99))
                    world.score(name, exam + 3, place, exam=exam, subject_group=group)
    world.many = pd.concat(parts, ignore_index=True).astype(_ITEM)
    return world


def features_at(world: World, day: int = 0, known: int | None = None) -> pd.DataFrame:
    """Features of everybody on a day by student, from what was known on the day, or on a later one."""
    return features_of(world.at(day if known is None else known), day)


def features_of(inputs: OutlookInput, *days: int) -> pd.DataFrame:
    """Features of everybody on days told from AS_OF, by student."""
    history = History.of(inputs)
    rows = student_features(history, inputs, np.array([TODAY + day for day in days]))
    return rows.assign(student_id=history.student_ids[rows["owner"].to_numpy(np.int64)]).set_index("student_id")


def shuffled(inputs: OutlookInput, seed: int = 3) -> OutlookInput:
    return replace(inputs, **{name: getattr(inputs, name).sample(frac=1, random_state=seed) for name in FRAMES})


def renamed(inputs: OutlookInput, names: dict[str, str]) -> OutlookInput:
    """Under other ids."""

    def of(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(student_id=[names.get(name, name) for name in frame["student_id"]])

    return replace(inputs, **{name: of(getattr(inputs, name)) for name in FRAMES})
