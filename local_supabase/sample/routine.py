"""The rest of a student's life in the app: time blocks, goals, attendance, check-ins; and the academies' settings.

Belongs here: small tables beside plans and marks. Not here: plans, study records, marks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from local_supabase.sample.columns import Array, choose, dates, instants, known, pick, table, times, uuids
from local_supabase.sample.curriculum import STUDIED
from local_supabase.sample.people import Students
from local_supabase.sample.plans import Plans
from local_supabase.sample.settings import SAMPLE
from local_supabase.sample.timeline import DAY, HOUR, Timeline, kst, weekday

# (name, type, from, to): the 교시 of an academy, minutes of the day.
_PERIODS = (
    ("1교시", "study", 600, 720),
    ("점심", "meal", 720, 780),
    ("2교시", "study", 780, 900),
    ("휴식", "break", 900, 915),
    ("3교시", "study", 915, 1080),
    ("저녁", "meal", 1080, 1140),
    ("4교시", "study", 1140, 1320),
)
_GOAL_TYPES = ("range", "exam", "weekly", "monthly")
_GOAL_DAYS = np.array([45, 60, 7, 30])


def settings(
    rng: np.random.Generator, tenant_ids: pa.StringArray, timeline: Timeline
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the academies' own settings and 교시, and the app-wide recommendation setting."""
    count = len(tenant_ids)

    def made(rows: int) -> dict[str, pa.Array]:
        at = instants(np.full(rows, timeline.now - 680 * DAY))
        return {"created_at": at, "updated_at": at}

    tenant = np.repeat(np.arange(count), len(_PERIODS))
    slot = np.tile(np.arange(len(_PERIODS)), count)
    starts, ends = (np.array([row[i] for row in _PERIODS]) * 60 for i in (2, 3))
    yield (
        "time_slots",
        table(
            {
                "id": uuids(rng, len(tenant)),
                "tenant_id": pick(tenant_ids, tenant),
                "name": pick([row[0] for row in _PERIODS], slot),
                "slot_type": pick([row[1] for row in _PERIODS], slot),
                "slot_order": slot + 1,
                "start_time": times(starts[slot]),
                "end_time": times(ends[slot]),
                "is_active": True,
            }
            | made(len(tenant))
        ),
    )
    yield (
        "tenant_scheduler_settings",
        table(
            {
                "id": uuids(rng, count),
                "tenant_id": tenant_ids,
                "default_study_days": rng.choice([5, 6, 6], count),
                "default_review_days": np.ones(count, dtype=int),
                "default_lunch_time": '{"start": "12:00", "end": "13:00"}',
                "default_study_hours": '{"start": "10:00", "end": "19:00"}',
            }
            | made(count)
        ),
    )
    yield (
        "recommendation_settings",
        table(
            {
                "id": uuids(rng, 1),
                "setting_key": "range_recommendation",
                "setting_type": "range_recommendation",
                "setting_value": '{"pagesPerHour": 10, "episodesPerHour": 1}',
            }
            | made(1)
        ),
    )


def tables(
    rng: np.random.Generator, students: Students, plans: Plans, timeline: Timeline
) -> Iterator[tuple[str, pa.Table]]:
    """Yield time blocks, goals and their progress, attendance and check-ins."""
    yield from _blocks(rng, students)
    yield from _goals(rng, students, plans, timeline)
    yield "attendance_records", _attendance(rng, students, timeline)
    yield "daily_check_ins", _check_ins(rng, plans, students, timeline)


def _blocks(rng: np.random.Generator, students: Students) -> Iterator[tuple[str, pa.Table]]:
    made = instants(students.created + HOUR)
    yield (
        "student_block_sets",
        table(
            {
                "id": students.block_set_ids,
                "tenant_id": students.tenant_ids,
                "student_id": students.ids,
                "name": "기본 블록",
                "created_at": made,
                "updated_at": made,
            }
        ),
    )
    student = np.repeat(np.arange(len(students)), 7)
    day = np.tile(np.arange(7), len(students))
    hour = np.clip(students.traits["peak_hour"].to_numpy()[student] - 1, 5, 20)
    yield (
        "student_block_schedule",
        table(
            {
                "id": uuids(rng, len(student)),
                "tenant_id": pick(students.tenant_ids, student),
                "student_id": pick(students.ids, student),
                "block_set_id": pick(students.block_set_ids, student),
                "day_of_week": day,
                "start_time": times(hour * HOUR),
                "end_time": times((hour + 3) * HOUR),
                "created_at": made.take(pa.array(student)),
            }
        ),
    )


def _goals(
    rng: np.random.Generator, students: Students, plans: Plans, timeline: Timeline
) -> Iterator[tuple[str, pa.Table]]:
    """Yield at most one goal per student and 교과, and progress from the plans of that 교과 done in its time."""
    chance = rng.random((len(students), len(STUDIED)))
    student, group = np.nonzero((chance < 0.3) & ~students.idle[:, None])
    count = len(student)
    kind = choose(rng, [0.35, 0.25, 0.2, 0.2], count)
    first = np.maximum(timeline.calendar, students.enrolled[student] + 1)
    first = first + (rng.random(count) * np.maximum(timeline.today - 2 - first, 1)).astype(int)
    last = first + _GOAL_DAYS[kind]
    created = np.minimum(kst(first - 1, 22 * HOUR), timeline.now - 60)
    ids = uuids(rng, count)
    at = instants(created)
    expected = rng.integers(3, 30, count) * 10
    yield (
        "student_goals",
        table(
            {
                "id": ids,
                "tenant_id": pick(students.tenant_ids, student),
                "student_id": pick(students.ids, student),
                "goal_type": pick(_GOAL_TYPES, kind),
                "title": pick([f"{name} 목표" for name in STUDIED], group),
                "subject": pick(STUDIED, group),
                "start_date": dates(first),
                "end_date": dates(last),
                "expected_amount": expected,
                "target_score": known(rng.integers(60, 100, count), kind == 1),
                "created_at": at,
                "updated_at": at,
            }
        ),
    )
    goal_of = np.full((len(students), len(STUDIED)), -1)
    goal_of[student, group] = np.arange(count)
    rows = plans.rows
    goal = goal_of[rows["student"], rows["group"]]
    day = rows["day"].to_numpy()
    counted = (rows["done"] & (rows["entry"] >= 0) & ~rows["calendar_only"]).to_numpy() & (goal >= 0)
    counted &= (day >= first[goal]) & (day <= last[goal]) if count else False
    here = np.flatnonzero(counted)
    owner = plans.column("student")[here]
    yield (
        "student_goal_progress",
        table(
            {
                "id": uuids(rng, len(here)),
                "tenant_id": pick(students.tenant_ids, owner),
                "student_id": pick(students.ids, owner),
                "goal_id": pick(ids, goal[here]),
                "plan_id": pick(plans.ids, here),
                "progress_amount": plans.column("high")[here] - plans.column("low")[here] + 1,
                "created_at": instants(plans.column("tick")[here]),
            }
        ),
    )


def _attendance(rng: np.random.Generator, students: Students, timeline: Timeline) -> pa.Table:
    """Return the last weeks at academies that keep attendance: three weekdays a week."""
    days = np.arange(timeline.today - 7 * SAMPLE.recent_weeks, timeline.today)
    keeps = (students.tenant % 5 < 3) & ~students.idle
    comes = keeps[:, None] & np.isin(weekday(days), (1, 3, 5)) & (days > students.enrolled[:, None])
    student, offset = np.nonzero(comes & (days < students.left[:, None]))
    day = days[offset]
    count = len(student)
    status = choose(rng, [0.86, 0.05, 0.06, 0.02, 0.01], count)
    there = ~np.isin(status, (1, 4))
    arrived = kst(day, 16 * HOUR + rng.integers(0, 3 * HOUR, count))
    left = arrived + rng.integers(2 * HOUR, 4 * HOUR, count)
    at = instants(np.where(there, arrived, kst(day, 21 * HOUR)))
    return table(
        {
            "id": uuids(rng, count),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "attendance_date": dates(day),
            "status": pick(["present", "absent", "late", "early_leave", "excused"], status),
            "check_in_time": instants(arrived, there),
            "check_out_time": instants(left, there),
            "check_in_method": pick(["qr", "manual", "location"], rng.integers(0, 3, count), there),
            "check_out_method": pick(["qr", "manual"], rng.integers(0, 2, count), there),
            "created_at": at,
            "updated_at": instants(np.where(there, left, kst(day, 21 * HOUR))),
        }
    )


def _check_ins(rng: np.random.Generator, plans: Plans, students: Students, timeline: Timeline) -> pa.Table:
    """Return a check-in per day of study for a third of the students; the date is the UTC one, as the app has it."""
    since = timeline.today - 7 * SAMPLE.recent_weeks
    rows = plans.rows
    uses = (np.arange(len(students)) % 3 == 0)[rows["student"]]
    here = rows[uses & (rows["day"] >= since) & rows["done"] & (rows["tick"] < timeline.now - 60)]
    first = here.groupby(["student", "day"], sort=True)["began"].min().reset_index()
    at: Array = np.minimum(first["began"].to_numpy(), timeline.now - 60)
    student = first["student"].to_numpy()
    return table(
        {
            "id": uuids(rng, len(first)),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "check_date": dates(at // DAY),
            "checked_at": instants(at),
            "created_at": instants(at),
        }
    )
