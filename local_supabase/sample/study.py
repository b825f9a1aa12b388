"""The records of studying beside the plans: the calendar layer, timers, ratings, history and progress.

Belongs here: tables written by doing. Not here: what was planned and done, which `plans.simulate` decided.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from local_supabase.sample.catalogue import Catalogue
from local_supabase.sample.columns import Array, dates, instants, known, pick, table, uuids
from local_supabase.sample.curriculum import STUDIED
from local_supabase.sample.people import Students
from local_supabase.sample.plans import (
    ADHOC,
    CANCELED,
    CANCELLED,
    FREE,
    NON_STUDY,
    Plans,
    content_ids,
    subject_texts,
)
from local_supabase.sample.settings import SAMPLE
from local_supabase.sample.shelves import CONTENT_TYPES, CUSTOM, Shelf
from local_supabase.sample.timeline import DAY, HOUR, Timeline, kst, weekday

_ACADEMY_DAYS = (("MO,WE", 1), ("TU,TH", 2), ("SA", 6))  # rrule days and the weekday of the first


def calendars(students: Students, calendar_ids: pa.StringArray, timeline: Timeline) -> pa.Table:
    """Return the one primary calendar of each student; the migration made those of the students of its day anew."""
    created = instants(np.maximum(timeline.migrated_at + HOUR, students.created + 600))
    return table(
        {
            "id": calendar_ids,
            "tenant_id": students.tenant_ids,
            "owner_id": students.ids,
            "owner_type": "student",
            "is_primary": True,
            "is_student_primary": True,
            "summary": "나의 캘린더",
            "study_hours": '{"start": "10:00", "end": "19:00"}',
            "self_study_hours": '{"start": "19:00", "end": "22:00"}',
            "default_scheduler_options": '{"study_days": 6, "review_days": 1}',
            "created_at": created,
            "updated_at": created,
        }
    )


def tables(
    rng: np.random.Generator,
    plans: Plans,
    students: Students,
    shelf: Shelf,
    catalogue: Catalogue,
    calendar_ids: pa.StringArray,
    timeline: Timeline,
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the study records of one chunk of students."""
    twins = np.flatnonzero(plans.column("twin"))
    yield "calendar_events", _task_events(plans, students, calendar_ids, twins, timeline)
    yield "event_study_data", _event_study_data(rng, plans, students, shelf, catalogue, twins)
    yield from _other_events(rng, plans, students, calendar_ids, timeline)
    sessions, session_plans, session_ids = _sessions(rng, plans, students, shelf, timeline)
    yield "student_study_sessions", sessions
    yield "plan_satisfaction_ratings", _ratings(rng, plans, students, shelf, catalogue)
    yield "student_content_progress", _progress(rng, plans, students, shelf, catalogue)
    yield "student_history", _history(rng, plans, students, session_plans, session_ids, timeline)


def _task_events(
    plans: Plans, students: Students, calendar_ids: pa.StringArray, here: Array, timeline: Timeline
) -> pa.Table:
    r = {name: plans.column(name)[here] for name in plans.rows.columns}
    student = r["student"]
    begins = kst(r["day"], r["start"])
    cancelled = np.isin(r["status"], (CANCELED, CANCELLED))
    changed = np.maximum(r["created"], r["deleted"])
    changed = np.where(cancelled, np.maximum(changed, np.minimum(begins + HOUR, timeline.now - 10)), changed)
    return table(
        {
            "id": plans.ids.take(pa.array(here)),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "calendar_id": pick(calendar_ids, student),
            "plan_group_id": pick(plans.group_ids, plans.group_row()[here]),
            "title": pick(
                [f"{name} 학습" for name in (*STUDIED, "자율")], np.where(r["entry"] >= 0, r["group"], len(STUDIED))
            ),
            "event_type": "study",
            "label": "학습",
            "is_task": True,
            "start_at": instants(begins),
            "end_at": instants(begins + r["minutes"] * 60),
            "status": pick(["confirmed", "cancelled"], cancelled.astype(int)),
            "creator_role": "student",
            "source": pick(["migration", "manual"], r["calendar_only"].astype(int)),
            "deleted_at": instants(r["deleted"], r["deleted"] >= 0),
            "created_at": instants(r["created"]),
            "updated_at": instants(changed),
        }
    )


def _event_study_data(
    rng: np.random.Generator, plans: Plans, students: Students, shelf: Shelf, catalogue: Catalogue, here: Array
) -> pa.Table:
    r = {name: plans.column(name)[here] for name in plans.rows.columns}
    index = pa.array(here)
    group, subject = subject_texts(rng, plans, shelf, catalogue)
    done, timed = r["done"], r["done"] & r["timed"]
    return table(
        {
            "id": uuids(rng, len(here)),
            "event_id": plans.ids.take(index),
            "done": done,
            "done_at": instants(r["tick"], done),
            "done_by": pick(students.ids, r["student"], done),
            "estimated_minutes": r["minutes"],
            "actual_minutes": known((r["wall"] - r["pause"]) // 60, timed),
            "started_at": instants(r["began"], timed | r["running"]),
            "paused_duration_seconds": np.where(timed, r["pause"], 0),
            "content_type": pick(CONTENT_TYPES, np.where(r["entry"] >= 0, shelf.kind[r["entry"]], CUSTOM)),
            "content_id": content_ids(plans, shelf).take(index),
            "planned_start_page": known(r["low"], r["entry"] >= 0),
            "planned_end_page": known(r["high"], r["entry"] >= 0),
            "subject_category": group.take(index),
            "subject_name": subject.take(index),
        }
    )


def _other_events(
    rng: np.random.Generator, plans: Plans, students: Students, calendar_ids: pa.StringArray, timeline: Timeline
) -> Iterator[tuple[str, pa.Table]]:
    """Yield days off, weekly lessons elsewhere, and the odd lesson that was moved."""
    known_students = np.flatnonzero(students.enrolled < timeline.today - 8)
    made = np.maximum(kst(timeline.calendar, 8 * HOUR), students.created + 2 * HOUR)

    off = np.repeat(known_students, plans.days_off.shape[1])
    day = plans.days_off[known_students].ravel()
    yield (
        "calendar_events",
        _events(
            rng,
            students,
            calendar_ids,
            off,
            np.minimum(np.maximum(made[off], kst(day - 5, 21 * HOUR)), timeline.now - 60),
            title="가족 행사",
            label="제외일",
            event_type="exclusion",
            is_exclusion=True,
            is_all_day=True,
            start_date=dates(day),
            end_date=dates(day),
        ),
    )

    attends = known_students[rng.random(len(known_students)) < 0.6]
    which = rng.integers(0, len(_ACADEMY_DAYS), len(attends))
    first = np.maximum(timeline.calendar, students.enrolled[attends] + 1)
    first += (np.array([n for _, n in _ACADEMY_DAYS])[which] - weekday(first)) % 7
    begins = kst(first, 17 * HOUR)
    skipped = rng.random(len(attends)) < 0.3
    exdates = pc.binary_join_element_wise("{", dates(first + 14).cast(pa.string()), "}", "")
    lessons = _events(
        rng,
        students,
        calendar_ids,
        attends,
        np.minimum(made[attends], begins - HOUR),
        title="학원 수업",
        label="학원",
        event_type="academy",
        rrule=pick([f"FREQ=WEEKLY;BYDAY={days}" for days, _ in _ACADEMY_DAYS], which),
        exdates=pc.if_else(pa.array(skipped), exdates, pa.scalar(None, pa.string())),
        start_at=instants(begins),
        end_at=instants(begins + 2 * HOUR),
    )
    yield "calendar_events", lessons

    moved = np.flatnonzero((rng.random(len(attends)) < 0.1) & (first + 21 < timeline.today))
    begins = kst(first[moved] + 22, 19 * HOUR)
    yield (
        "calendar_events",
        _events(
            rng,
            students,
            calendar_ids,
            attends[moved],
            begins - 2 * DAY,
            title="학원 보강",
            label="학원",
            event_type="academy",
            is_exception=True,
            recurring_event_id=lessons["id"].combine_chunks().take(pa.array(moved)),
            original_start_at=instants(kst(first[moved] + 21, 17 * HOUR)),
            start_at=instants(begins),
            end_at=instants(begins + 2 * HOUR),
        ),
    )


def _events(
    rng: np.random.Generator,
    students: Students,
    calendar_ids: pa.StringArray,
    student: Array,
    created: Array,
    **columns: object,
) -> pa.Table:
    at = instants(created)
    return table(
        {
            "id": uuids(rng, len(student)),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "calendar_id": pick(calendar_ids, student),
            "creator_role": "student",
            "created_at": at,
            "updated_at": at,
        }
        | columns
    )


def _sessions(
    rng: np.random.Generator, plans: Plans, students: Students, shelf: Shelf, timeline: Timeline
) -> tuple[pa.Table, Array, pa.StringArray]:
    """Return the timer sessions, the plan row of each closed one, and their ids (closed ones first)."""
    kind = plans.column("kind")
    adhoc = np.isin(kind, (ADHOC, FREE))
    closed = np.flatnonzero(plans.column("done") & plans.column("timed") & ~adhoc)
    open_ = np.flatnonzero(plans.column("running") | plans.column("orphan"))
    here = np.concatenate([closed, open_])
    r = {
        name: plans.column(name)[here]
        for name in ("student", "entry", "began", "wall", "pause", "calendar_only", "role")
    }
    ended = np.arange(len(here)) < len(closed)
    net = rng.random(len(here)) >= SAMPLE.wall_sessions
    beat = np.minimum(r["began"] + np.where(ended, r["wall"], 25 * 60), timeline.now - 1)
    ids = uuids(rng, len(here))
    # No student_plan row, no plan to point at.
    with_plan = ~r["calendar_only"]
    rows = table(
        {
            "id": ids,
            "tenant_id": pick(students.tenant_ids, r["student"]),
            "student_id": pick(students.ids, r["student"]),
            "plan_id": pick(plans.ids, here, with_plan),
            "content_type": pick(CONTENT_TYPES, shelf.kind[r["entry"]], r["entry"] >= 0),
            "content_id": pick(shelf.ids, r["entry"], r["entry"] >= 0),
            "started_at": instants(r["began"]),
            "ended_at": instants(r["began"] + r["wall"], ended),
            "paused_duration_seconds": np.where(ended, r["pause"], 0),
            "duration_seconds": known(r["wall"] - np.where(net, r["pause"], 0), ended),
            "last_heartbeat": instants(beat),
            "created_at": instants(r["began"]),
        }
    )
    return rows, closed, ids


def _ratings(
    rng: np.random.Generator, plans: Plans, students: Students, shelf: Shelf, catalogue: Catalogue
) -> pa.Table:
    """Return ratings: better where the content was at the student's level and of a line that the student likes."""
    rows = plans.rows
    here = np.flatnonzero(
        (rows["done"] & (rows["entry"] >= 0) & ~rows["calendar_only"]).to_numpy()
        & (rng.random(len(rows)) < SAMPLE.rated)
    )
    r = {
        name: plans.column(name)[here]
        for name in ("student", "entry", "group", "tick", "minutes", "wall", "pause", "timed")
    }
    count = len(here)
    content = shelf.content[r["entry"]]
    ability = students.traits[[f"ability_{name}" for name in STUDIED]].to_numpy()[r["student"], r["group"]]
    gap = np.where(content >= 0, np.abs(catalogue.difficulty[content] - (2 + 0.65 * ability)), 0.5)
    rating = np.clip(np.round(4.3 - 0.8 * gap + rng.normal(0, 0.7, count)), 1, 5).astype(int)
    return table(
        {
            "id": uuids(rng, count),
            "plan_id": pick(plans.ids, here),
            "tenant_id": pick(students.tenant_ids, r["student"]),
            "student_id": pick(students.ids, r["student"]),
            "rating": rating,
            "completion_rate": 100,
            "content_type": pick(CONTENT_TYPES, shelf.kind[r["entry"]]),
            "estimated_duration": r["minutes"],
            "actual_duration": known((r["wall"] - r["pause"]) // 60, r["timed"]),
            "created_at": instants(r["tick"]),
        }
    )


def _progress(
    rng: np.random.Generator, plans: Plans, students: Students, shelf: Shelf, catalogue: Catalogue
) -> pa.Table:
    """Return how far each content got. `progress` is a percentage for books and an amount for the rest, as in life."""
    rows = plans.rows[plans.rows["done"] & (plans.rows["entry"] >= 0)]
    sums = (
        rows.assign(amount=rows["high"] - rows["low"] + 1)
        .groupby("entry", sort=True)
        .agg(amount=("amount", "sum"), last=("tick", "max"))
    )
    entry = sums.index.to_numpy()
    content = shelf.content[entry]
    units = np.where(content >= 0, catalogue.units[content], 200)
    amount = np.minimum(sums["amount"].to_numpy(), units)
    percent = np.round(100 * amount / units)
    return table(
        {
            "id": uuids(rng, len(entry)),
            "tenant_id": pick(students.tenant_ids, shelf.student[entry]),
            "student_id": pick(students.ids, shelf.student[entry]),
            "content_type": pick(CONTENT_TYPES, shelf.kind[entry]),
            "content_id": pick(shelf.ids, entry),
            "completed_amount": amount,
            "progress": np.where(shelf.kind[entry] == 0, percent, amount),
            "start_page_or_time": np.ones(len(entry), dtype=int),
            "end_page_or_time": amount,
            "last_updated": instants(sums["last"].to_numpy()),
        }
    )


def _history(
    rng: np.random.Generator,
    plans: Plans,
    students: Students,
    session_plans: Array,
    session_ids: pa.StringArray,
    timeline: Timeline,
) -> pa.Table:
    """Return the events of the last weeks. The date in `detail` is the UTC date of the event, as the app writes it."""
    since = timeline.now - SAMPLE.recent_weeks * 7 * DAY
    tick = plans.column("tick")
    completed = np.flatnonzero(plans.column("done") & (plans.column("kind") != NON_STUDY) & (tick >= since))
    studied = np.flatnonzero(tick[session_plans] >= since)
    here = np.concatenate([completed, session_plans[studied]])
    is_session = np.arange(len(here)) >= len(completed)
    at = tick[here]
    utc_day = dates(at // DAY).cast(pa.string())
    net = (plans.column("wall") - plans.column("pause"))[here]
    session = session_ids.take(pa.array(studied))
    plan_detail = pc.binary_join_element_wise(
        '{"plan_id": "', plans.ids.take(pa.array(completed)), '", "date": "', utc_day[: len(completed)], '"}', ""
    )
    session_detail = pc.binary_join_element_wise(
        '{"session_id": "',
        session,
        '", "duration": ',
        pa.array(net[len(completed) :]).cast(pa.string()),
        ', "date": "',
        utc_day[len(completed) :],
        '"}',
        "",
    )
    student = plans.column("student")[here]
    return table(
        {
            "id": uuids(rng, len(here)),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "event_type": pick(["plan_completed", "study_session"], is_session.astype(int)),
            "detail": pa.concat_arrays([plan_detail, session_detail]),
            "created_at": instants(at),
        }
    )
