"""What was planned and what became of it: the simulation, and the tables of plans.

Belongs here: plans as the app keeps them. Not here: the calendar layer and the study records (`study`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from local_supabase.sample.catalogue import Catalogue
from local_supabase.sample.columns import Array, choose, dates, instants, known, pick, table, times, uuids
from local_supabase.sample.curriculum import STUDIED
from local_supabase.sample.people import Students
from local_supabase.sample.settings import SAMPLE
from local_supabase.sample.shelves import BOOK, CONTENT_TYPES, CUSTOM, LECTURE, Shelf, active_from
from local_supabase.sample.timeline import DAY, FAR, HOUR, Timeline, kst, monday, weekday
from local_supabase.sample.traits import block

ORDINARY, ADHOC, FREE, VIRTUAL, NON_STUDY, SELF_STUDY = range(6)
MAIN, SECOND_HALF, OLD_VERSION = range(3)
PENDING, IN_PROGRESS, COMPLETED, CANCELED, CANCELLED, SKIPPED = range(6)
STATUSES = ("pending", "in_progress", "completed", "canceled", "cancelled", "skipped")
# Content ids, after those of the shelf: what the app writes when there is no content.
_DUMMY_IDS = ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001")
TITLES = {FREE: "자유 공부", VIRTUAL: "빈 슬롯", NON_STUDY: "비학습", SELF_STUDY: "자율학습"}

MINUTES_PER_PAGE = (4, 6, 8)  # 개념, 기본, 심화: the scheduler's own factors (semantics 2.6)
_CUSTOM_MINUTES = 40
_OTHER_MINUTES = 60
_GAP = 10 * 60  # between two plans of a day
_LATEST_END = 23 * HOUR + 50 * 60  # planned times end before midnight
_EARLIEST_START = 5 * HOUR
_PERIODS = 3  # plan groups a student has after the migration, one after the other
# 내신 falls in Apr-May, Jul, Oct and Dec: students plan more before it.
_MONTH_LOAD = np.array([0.9, 0.85, 0.95, 1.15, 1.0, 1.15, 1.0, 0.95, 1.1, 1.1, 0.95, 1.15])
_EXCLUSIONS = 2  # days off per student in the calendar era


@dataclass(frozen=True)
class Plans:
    """The plans of one chunk of students: `rows` is the truth, one line per row of either layer.

    Columns of `rows`: student, day, position, group, entry (-1 none), kind, role, minutes, start (seconds of the KST
    day), low, high (amounts), number, period, carried, done, timed, tick (instant of completion), began, wall, pause
    (seconds), running, orphan, status, deleted (instant, -1), created, calendar_only, twin, stale, undone, far.
    """

    ids: pa.StringArray
    rows: pd.DataFrame
    group_ids: pa.StringArray  # by student * (1 + _PERIODS) + period
    days_off: Array  # (student, _EXCLUSIONS) days

    def column(self, name: str) -> Array:
        """Return one column of the truth."""
        return self.rows[name].to_numpy()

    def group_row(self) -> Array:
        """Return the row of `group_ids` each plan belongs to."""
        return self.column("student") * (1 + _PERIODS) + self.column("period")


def bounds(timeline: Timeline) -> Array:
    """Return the first days of the plan groups' periods and the day after the last: the migrated one, then thirds."""
    after = np.linspace(timeline.migration, timeline.end, _PERIODS + 1).astype(int)
    return np.concatenate([[timeline.start], after])


def simulate(
    rng: np.random.Generator, students: Students, shelf: Shelf, catalogue: Catalogue, timeline: Timeline
) -> Plans:
    """Return what the students planned in the window, and what they did of it until `now`."""
    days_off = timeline.calendar + rng.integers(0, timeline.end - timeline.calendar, (len(students), _EXCLUSIONS))
    rows = _planned_days(rng, students, days_off, timeline)
    _subjects(rng, rows, students, shelf, timeline)
    _amounts(rng, rows, shelf, catalogue)
    _day_times(rng, rows, students)
    _outcomes(rng, rows, students, timeline)
    _recording(rng, rows, students, shelf, timeline)
    rows = _extra_rows(rng, rows, timeline)
    _layers(rng, rows, timeline)
    return Plans(
        ids=uuids(rng, len(rows)),
        rows=rows,
        group_ids=uuids(rng, len(students) * (1 + _PERIODS)),
        days_off=days_off,
    )


def _planned_days(rng: np.random.Generator, students: Students, days_off: Array, timeline: Timeline) -> pd.DataFrame:
    days = np.arange(timeline.start, timeline.end)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    share = block(students.traits, "weekday_share")[:, weekday(days)]
    load = students.traits["plans_per_week"].to_numpy()[:, None] * share * _MONTH_LOAD[months]
    present = (days >= active_from(students, timeline)[:, None]) & (days < students.left[:, None])
    present &= ~students.idle[:, None] & (days != timeline.migration)
    present[np.arange(len(students))[:, None], days_off - timeline.start] = False
    counts = np.minimum(rng.poisson(np.where(present, load, 0)), SAMPLE.plans_per_day_most)
    student, day = np.nonzero(counts)
    times_of = counts[student, day]
    total = int(times_of.sum())
    first = np.repeat(np.cumsum(times_of) - times_of, times_of)
    return pd.DataFrame(
        {
            "student": np.repeat(student, times_of),
            "day": np.repeat(days[day], times_of),
            "position": np.arange(total) - first,
            "slot": np.repeat(np.arange(len(times_of)), times_of),  # one number per student and day
        }
    )


def _subjects(
    rng: np.random.Generator, rows: pd.DataFrame, students: Students, shelf: Shelf, timeline: Timeline
) -> None:
    """Add kind, 교과 and content of each plan."""
    count = len(rows)
    student, day = rows["student"].to_numpy(), rows["day"].to_numpy()
    rows["group"] = (rng.random(count)[:, None] > np.cumsum(shelf.shares, axis=1)[student, :-1]).sum(axis=1)
    others = (SAMPLE.adhoc * 0.6, SAMPLE.adhoc * 0.4, SAMPLE.virtual, SAMPLE.non_study, SAMPLE.self_study)
    kind = choose(rng, [1 - sum(others), *others], count)
    # Ad-hoc plans are made on the spot, so there are none ahead.
    kind = np.where(np.isin(kind, (ADHOC, FREE)) & (day >= timeline.today), ORDINARY, kind)
    rows["kind"] = kind
    known_day = np.minimum(day, timeline.today)[:, None]
    turn = (shelf.begins[student, rows["group"]] < known_day).sum(axis=1) - 1
    has_content = np.isin(kind, (ORDINARY, ADHOC))
    rows["entry"] = np.where(has_content, shelf.entry[student, rows["group"], turn], -1)
    rows["period"] = np.searchsorted(bounds(timeline), day, side="right") - 1
    rows["earliest"] = np.maximum(bounds(timeline)[rows["period"]], active_from(students, timeline)[student])
    rows["number"] = rows.groupby("student").cumcount() + 1


def _amounts(rng: np.random.Generator, rows: pd.DataFrame, shelf: Shelf, catalogue: Catalogue) -> None:
    """Add the inclusive range of pages or episodes, going on where the last plan of the content stopped."""
    entry = rows["entry"].to_numpy()
    content = np.where(entry >= 0, shelf.content[entry], -1)
    kind = np.where(entry >= 0, shelf.kind[entry], CUSTOM)
    pages = rng.integers(5, 15, len(shelf.student))[entry]
    amount = np.select([kind == BOOK, kind == LECTURE], [pages, 1], 5)
    units = np.where(content >= 0, catalogue.units[content], 200)
    turn = rows.groupby("entry").cumcount().to_numpy()
    rows["low"] = 1 + turn * amount % (units - amount + 1)
    rows["high"] = rows["low"] + amount - 1
    level = np.clip(np.round(catalogue.difficulty[content]), 1, 3).astype(int) - 1
    minutes = np.select(
        [entry < 0, kind == BOOK, kind == LECTURE],
        [_OTHER_MINUTES, amount * np.array(MINUTES_PER_PAGE)[level], catalogue.episode_minutes[content]],
        _CUSTOM_MINUTES,
    )
    rows["minutes"] = np.clip(minutes, 15, 120)


def _before_in_day(rows: pd.DataFrame, seconds: Array) -> Array:
    """Return the sum of `seconds` over the earlier plans of the same student and day."""
    total = np.cumsum(seconds)
    exclusive = total - seconds
    first = np.flatnonzero(rows["position"].to_numpy() == 0)
    before: Array = exclusive - exclusive[first][rows["slot"].to_numpy()]
    return before


def _day_times(rng: np.random.Generator, rows: pd.DataFrame, students: Students) -> None:
    """Add the planned start of each plan: the student's hour on most days, any hour on the others."""
    first = np.flatnonzero(rows["position"].to_numpy() == 0)
    student = rows["student"].to_numpy()[first]
    peak = students.traits["peak_hour"].to_numpy()[student] + 0.5
    hour = np.where(rng.random(len(first)) < 0.8, rng.normal(peak, 0.9), rng.uniform(8, 22, len(first)))
    length = rows["minutes"].to_numpy() * 60 + _GAP
    total = np.add.reduceat(length, first) if len(first) else length
    start = np.maximum(np.minimum(hour * HOUR, _LATEST_END - total), _EARLIEST_START)
    start = (start // 600 * 600).astype(int)  # planned on the ten minutes
    rows["start"] = start[rows["slot"].to_numpy()] + _before_in_day(rows, length)


def _outcomes(rng: np.random.Generator, rows: pd.DataFrame, students: Students, timeline: Timeline) -> None:
    """Add carry-over, and whether the plan was done, cancelled or skipped."""
    count = len(rows)
    traits = students.traits
    student, day, group = (rows[name].to_numpy() for name in ("student", "day", "group"))
    carried = np.where(rng.random(count) < SAMPLE.carried_over, rng.integers(1, 4, count), 0)
    carried = np.minimum(carried, day - active_from(students, timeline)[student])
    carried[(rows["kind"] != ORDINARY) | (day - carried <= timeline.migration)] = 0
    off_peak = np.abs(rows["start"].to_numpy() / HOUR - traits["peak_hour"].to_numpy()[student] - 1)
    logit = (
        traits["diligence"].to_numpy()[student]
        + block(traits, "lift")[student, group]
        + block(traits, "weekday_lift")[student, weekday(day)]
        + traits["drift"].to_numpy()[student] * (day - timeline.start) / 7
        - 0.12 * np.minimum(off_peak, 6)
        - 0.15 * rows["position"].to_numpy()
        - 0.3 * carried
        + 0.35
    )
    past = day < timeline.today
    fate = rng.random(count)
    cancelled = past & (fate < SAMPLE.cancelled)
    skipped = past & ~cancelled & (fate < SAMPLE.cancelled + SAMPLE.skipped)
    virtual = rows["kind"].to_numpy() == VIRTUAL
    willing = past & ~cancelled & ~skipped & ~virtual & (rng.random(count) < 1 / (1 + np.exp(-logit)))
    rows["carried"] = carried
    rows["done"] = willing | (np.isin(rows["kind"], (ADHOC, FREE)) & past & ~cancelled & ~skipped)
    rows["status"] = np.select(
        [cancelled & (fate < SAMPLE.cancelled / 2), cancelled, skipped], [CANCELED, CANCELLED, SKIPPED], PENDING
    )


def _recording(
    rng: np.random.Generator, rows: pd.DataFrame, students: Students, shelf: Shelf, timeline: Timeline
) -> None:
    """Add when the work was done and how it was recorded: with the timer, or by a tick with no time at all."""
    count = len(rows)
    traits = students.traits
    student, day = rows["student"].to_numpy(), rows["day"].to_numpy()
    done = rows["done"].to_numpy()
    adhoc = np.isin(rows["kind"], (ADHOC, FREE))
    timed = (rng.random(count) < traits["timer_share"].to_numpy()[student]) | adhoc
    minutes = rows["minutes"].to_numpy() * traits["pace"].to_numpy()[student] * rng.lognormal(0, 0.22, count)
    pause = np.where(rng.random(count) < SAMPLE.paused, rng.exponential(360, count), 0).astype(int)
    pause[adhoc] = 0
    wall = (np.maximum(minutes, 3) * 60).astype(int) + pause
    late = rng.exponential(np.where((traits["slot"] == "night").to_numpy()[student], 30, 12) * 60, count)
    first = np.flatnonzero(rows["position"].to_numpy() == 0)
    begins = rows["start"].to_numpy()[first] + np.minimum(late[first], 2 * HOUR)
    began = kst(day, begins[rows["slot"].to_numpy()] + _before_in_day(rows, np.where(done, wall + _GAP, 0)))
    ended = began + wall
    next_morning = kst(day + 1, 6 * HOUR + rng.integers(0, 3 * HOUR, count))
    ticked = np.where(
        rng.random(count) < SAMPLE.ticked_next_morning, next_morning, ended + rng.integers(0, 1800, count)
    )
    tick = np.where(timed, ended, np.maximum(ticked, ended))
    in_time = tick < timeline.now
    rows["running"] = done & timed & ~adhoc & (began < timeline.now - 60) & ~in_time
    done = done & in_time
    rows["done"], rows["timed"], rows["tick"] = done, timed, tick
    rows["began"], rows["wall"], rows["pause"] = began, wall, pause
    status = np.where(done, COMPLETED, rows["status"].to_numpy())
    rows["status"] = np.where(rows["running"], IN_PROGRESS, status)

    # Plans of a week are generated on the Sunday evening before it; ad-hoc ones when they begin.
    group_made = group_created(students, timeline)[student, rows["period"].to_numpy()]
    sunday = kst(monday(day) - 1, 20 * HOUR + 7 * (student % 300))
    on_shelf = np.where(rows["entry"] >= 0, shelf.created[rows["entry"].to_numpy()] + 600, 0)
    created = np.maximum.reduce([sunday, group_made + 600, on_shelf, students.created[student] + HOUR])
    created = np.where(adhoc, began, created)
    rows["created"] = np.minimum(created, timeline.now - 60)


def group_created(students: Students, timeline: Timeline) -> Array:
    """Return when each plan group was made, (student, period): the day before it begins, or before the student does."""
    begins = bounds(timeline)[:-1]
    begins = np.maximum(begins, active_from(students, timeline)[:, None]) - 1
    # The groups after the migration were set up again on its day.
    begins[:, 1] = np.maximum(begins[:, 1], timeline.migration)
    made = kst(begins, 17 * HOUR + 11 * (np.arange(len(students)) % 300)[:, None])
    return np.minimum(made, timeline.now - HOUR)


def _extra_rows(rng: np.random.Generator, rows: pd.DataFrame, timeline: Timeline) -> pd.DataFrame:
    """Add second halves of split plans and old versions of rescheduled ones, under the column `role`."""
    ordinary = (rows["kind"] == ORDINARY).to_numpy() & ~rows["running"].to_numpy()
    fate = rng.random(len(rows))
    length = (rows["high"] - rows["low"]).to_numpy()
    split = np.flatnonzero(ordinary & (fate < SAMPLE.split) & (length > 1))
    # A plan is moved to the next day on the evening before it, or just now when it is still ahead.
    renewed = np.minimum(kst(rows["day"].to_numpy() - 1, 22 * HOUR), timeline.now - 30)
    movable = (rows["day"] > rows["earliest"] + 1).to_numpy() & (rows["created"].to_numpy() < renewed)
    moved = np.flatnonzero(ordinary & movable & (fate > 1 - SAMPLE.rescheduled))
    rows["role"], rows["is_split"], rows["version_group"] = MAIN, False, -1
    rows.loc[split, "is_split"] = True
    rows.loc[moved, "version_group"] = np.arange(len(moved))

    second = rows.iloc[split].copy()
    middle = (second["low"] + second["high"]) // 2
    half_wall, half_minutes = second["wall"] // 2, second["minutes"] // 2
    second = second.assign(
        role=SECOND_HALF,
        low=middle + 1,
        minutes=half_minutes,
        start=second["start"] + half_minutes * 60,
        began=second["began"] + half_wall,
        wall=second["wall"] - half_wall,
        pause=second["pause"] // 2,
        position=second["position"] + 10,
    )
    kept = rng.random(len(second)) < 0.85
    second["done"] &= kept
    second["status"] = np.where(kept | (second["status"] != COMPLETED), second["status"], PENDING)

    rows.loc[split, "high"] = middle
    rows.loc[split, "minutes"] = half_minutes
    rows.loc[split, "wall"] = half_wall
    rows.loc[split, "pause"] = second["pause"].to_numpy()
    rows.loc[split, "tick"] = np.where(second["timed"], second["began"], second["tick"])

    old = rows.iloc[moved].copy()
    old = old.assign(role=OLD_VERSION, done=False, timed=False, status=PENDING, carried=0, day=old["day"] - 1)
    rows.loc[moved, "created"] = renewed[moved]
    return pd.concat([rows, second, old], ignore_index=True)


def _layers(rng: np.random.Generator, rows: pd.DataFrame, timeline: Timeline) -> None:
    """Add in which layers a row lives, where the layers disagree, and soft deletions."""
    count = len(rows)
    day, kind, done = (rows[name].to_numpy() for name in ("day", "kind", "done"))
    main = rows["role"].to_numpy() == MAIN
    past = day < timeline.today
    live_kind = np.isin(kind, (ORDINARY, SELF_STUDY))
    rows["twin"] = (day >= timeline.calendar) & live_kind & (rows["role"].to_numpy() != OLD_VERSION)
    whole = rows["twin"].to_numpy() & main & ~rows["is_split"].to_numpy() & (rows["version_group"].to_numpy() < 0)
    whole &= ~rows["running"].to_numpy()
    fate = rng.random(count)
    rows["calendar_only"] = whole & (kind == ORDINARY) & (fate < SAMPLE.calendar_only)
    both = whole & ~rows["calendar_only"].to_numpy()
    fate = rng.random(count)
    rows["stale"] = both & done & (fate < SAMPLE.stale_plan)
    pending = past & (rows["status"].to_numpy() == PENDING)
    rows["undone"] = both & pending & (fate < SAMPLE.undone_event)
    rows["far"] = main & pending & (kind == ORDINARY) & ~rows["undone"].to_numpy() & (fate > 1 - SAMPLE.far_progress)
    created = rows["created"].to_numpy()
    later = created + (rng.random(count) * np.maximum(kst(day + 3, 0) - created, HOUR)).astype(int)
    removed = main & ~rows["running"].to_numpy() & (rng.random(count) < SAMPLE.deleted) & (later < timeline.now - 30)
    removed &= ~done & ~rows["undone"].to_numpy()  # what was done is not thrown away
    deleted = np.where(removed, later, -1)
    rows["deleted"] = np.where(day < timeline.migration, timeline.migrated_at, deleted)
    rows["orphan"] = _orphans(rng, rows, timeline)
    rows["status"] = np.where(rows["orphan"], IN_PROGRESS, rows["status"])


def _orphans(rng: np.random.Generator, rows: pd.DataFrame, timeline: Timeline) -> Array:
    """Mark the timers that were never stopped: one old unfinished plan of a few students without a running timer."""
    candidates = (
        (rows["status"] == PENDING)
        & (rows["kind"] == ORDINARY)
        & (rows["role"] == MAIN)
        & ~rows["calendar_only"]
        & ~rows["undone"]
        & (rows["deleted"] < 0)
        & (rows["day"] < timeline.today - 3)
        & ~rows["student"].isin(rows.loc[rows["running"], "student"])
    )
    first = candidates & ~rows["student"].where(candidates, -1).duplicated()
    return first.to_numpy() & (rng.random(len(rows)) < SAMPLE.orphan_sessions)


def tables(
    rng: np.random.Generator,
    plans: Plans,
    students: Students,
    shelf: Shelf,
    catalogue: Catalogue,
    calendar_ids: pa.StringArray,
    timeline: Timeline,
) -> Iterator[tuple[str, pa.Table]]:
    """Yield `plan_groups`, `plan_contents` and `student_plan`."""
    yield "plan_groups", _groups(rng, plans, students, calendar_ids, timeline)
    yield "plan_contents", _contents(rng, plans, students, shelf, catalogue, timeline)
    yield "student_plan", _student_plan(rng, plans, students, shelf, catalogue, timeline)


def _groups(
    rng: np.random.Generator, plans: Plans, students: Students, calendar_ids: pa.StringArray, timeline: Timeline
) -> pa.Table:
    row = np.unique(plans.group_row())
    student, period = np.divmod(row, 1 + _PERIODS)
    # Some students also hold a plan that they never started: no rows of student_plan hang on it.
    drafts = np.flatnonzero(~students.idle & (students.left == FAR) & (rng.random(len(students)) < 0.05))
    draft = np.arange(len(row) + len(drafts)) >= len(row)
    student, period = np.append(student, drafts), np.append(period, np.full(len(drafts), _PERIODS))
    count = len(student)
    first = np.maximum(bounds(timeline)[period], active_from(students, timeline)[student])
    last = np.maximum(bounds(timeline)[period + 1] - 1, first + 1)
    created = group_created(students, timeline)[student, period]
    over = last < timeline.today
    status = np.select(
        [draft, ~over, over & (rng.random(count) < 0.06)],
        [rng.integers(0, 2, count), 2, rng.choice([3, 5], count)],
        4,
    )
    closed = kst(last, 23 * HOUR)
    deleted = period == 0
    updated = np.where(deleted, timeline.migrated_at, np.where(over, np.maximum(created, closed), created))
    oldest = students.high[student] & (students.level[student] == 3)
    purpose = np.where(oldest, rng.choice([1, 2, 2, 3], count), choose(rng, [0.6, 0.15, 0.0, 0.25], count))
    generated = uuids(rng, len(drafts))
    return table(
        {
            "id": pa.concat_arrays([pick(plans.group_ids, row), generated]),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "calendar_id": pick(calendar_ids, student),
            "block_set_id": pick(students.block_set_ids, student),
            "name": pick([f"{n}차 학습 계획" for n in range(1 + _PERIODS)], period),
            "plan_purpose": pick(["내신대비", "모의고사", "수능", "기타"], purpose),
            "plan_type": pick(["individual", "integrated"], rng.integers(0, 2, count)),
            "scheduler_type": pick(["1730_timetable", "default"], rng.integers(0, 2, count)),
            "status": pick(["draft", "saved", "active", "paused", "completed", "cancelled"], status),
            "study_type": pick(["strategy", "weakness"], rng.integers(0, 2, count)),
            "period_start": dates(first),
            "period_end": dates(last),
            "deleted_at": instants(np.full(count, timeline.migrated_at), deleted),
            "created_at": instants(created),
            "updated_at": instants(updated),
        }
    )


def _contents(
    rng: np.random.Generator,
    plans: Plans,
    students: Students,
    shelf: Shelf,
    catalogue: Catalogue,
    timeline: Timeline,
) -> pa.Table:
    rows = plans.rows[(plans.rows["entry"] >= 0) & (plans.rows["kind"] == ORDINARY)]
    spans = rows.groupby(["entry", "period"], sort=True).agg(low=("low", "min"), high=("high", "max")).reset_index()
    entry, period = spans["entry"].to_numpy(), spans["period"].to_numpy()
    student, content = shelf.student[entry], shelf.content[entry]
    count = len(spans)
    created = np.maximum(group_created(students, timeline)[student, period], shelf.created[entry]) + 300
    created = np.minimum(created, timeline.now - 120)
    proposed = (content >= 0) & (rng.random(count) < 0.15)
    at = instants(created)
    return table(
        {
            "id": uuids(rng, count),
            "tenant_id": pick(students.tenant_ids, student),
            "plan_group_id": pick(plans.group_ids, student * (1 + _PERIODS) + period),
            "content_id": pick(shelf.ids, entry),
            "content_type": pick(CONTENT_TYPES, shelf.kind[entry]),
            "master_content_id": pick(catalogue.ids, content, shelf.linked[entry]),
            "subject_category": pick(STUDIED, shelf.group[entry]),
            "subject_name": pick(catalogue.subject_names, content, content >= 0),
            "start_range": spans["low"].to_numpy(),
            "end_range": np.maximum(spans["high"].to_numpy(), spans["low"].to_numpy() + 1),
            "is_auto_recommended": proposed,
            "recommendation_source": pick(["auto"], np.zeros(count, dtype=int), proposed),
            "recommended_at": instants(created, proposed),
            "recommended_by": pick(["system"], np.zeros(count, dtype=int), proposed),
            "generation_status": "generated",
            "created_at": at,
            "updated_at": at,
        }
    )


def subject_texts(
    rng: np.random.Generator, plans: Plans, shelf: Shelf, catalogue: Catalogue
) -> tuple[pa.Array, pa.Array]:
    """Return 교과 and 과목 as the denormalised free text of the plans, some with stray blanks or another case."""
    entry = plans.column("entry")
    has = entry >= 0
    content = np.where(has, shelf.content[entry], -1)
    stray = np.where(rng.random(len(entry)) < SAMPLE.stray_text, rng.integers(1, 4, len(entry)), 0)
    named = [form.format(name) for form in ("{}", " {}", "{} ", " {}  ") for name in STUDIED]
    group = pick(named, plans.column("group") + len(STUDIED) * stray, has)
    names = catalogue.subject_names.to_pylist()
    subjects = pa.array([form(name) for form in (str, str.lower, lambda n: n + " ", str.lower) for name in names])
    subject = pick(subjects, content + len(names) * stray, content >= 0)
    return group, subject


def content_ids(plans: Plans, shelf: Shelf) -> pa.Array:
    """Return the content of each plan: a student copy, a dummy, or null."""
    kind, entry = plans.column("kind"), plans.column("entry")
    ids = pa.concat_arrays([shelf.ids, pa.array(_DUMMY_IDS)])
    row = np.where(kind == NON_STUDY, len(shelf.ids), np.where(kind == SELF_STUDY, len(shelf.ids) + 1, entry))
    return pick(ids, row, row >= 0)


def _student_plan(
    rng: np.random.Generator,
    plans: Plans,
    students: Students,
    shelf: Shelf,
    catalogue: Catalogue,
    timeline: Timeline,
) -> pa.Table:
    group, subject = subject_texts(rng, plans, shelf, catalogue)
    content = content_ids(plans, shelf)
    here = np.flatnonzero(~plans.column("calendar_only"))
    index = pa.array(here)
    r = {name: plans.column(name)[here] for name in plans.rows.columns}
    count = len(here)
    student, day, kind, entry, role = r["student"], r["day"], r["kind"], r["entry"], r["role"]
    adhoc, has = np.isin(kind, (ADHOC, FREE)), entry >= 0
    calendar = day >= timeline.calendar
    done = (r["done"] & ~r["stale"]) | r["undone"]
    timed = r["done"] & r["timed"] & ~adhoc & ~r["stale"]
    tick = np.where(r["undone"], np.minimum(kst(day, r["start"]) + r["minutes"] * 60, timeline.now - 60), r["tick"])
    # Before the calendar era a tick left no instant behind but updated_at.
    ended = done & ~adhoc & (timed | calendar)
    status = np.where(r["undone"], COMPLETED, np.where(r["stale"], PENDING, r["status"]))
    moved = r["version_group"] >= 0
    old = role == OLD_VERSION
    changed = np.maximum(r["created"], np.where(done, tick, r["deleted"]))
    overdue = np.minimum(kst(day, 23 * HOUR + 1800), timeline.now - 10)
    settled = np.isin(r["status"], (CANCELED, CANCELLED, SKIPPED)) | r["far"]
    changed = np.where(settled & (r["deleted"] < 0), np.maximum(changed, overdue), changed)
    changed = np.where(r["running"] | r["orphan"], r["began"], changed)
    changed = np.maximum(changed, np.where(day < timeline.migration, timeline.migrated_at, 0))
    amount = r["high"] - r["low"] + 1
    progress = np.where(r["done"] | r["undone"], 100, np.where(r["far"], 85, 0))
    dow = weekday(day)
    content_type = np.where(has, shelf.kind[entry], np.where(kind == FREE, 3, CUSTOM))
    titles = pa.concat_arrays([catalogue.titles, pa.array([*TITLES.values(), "학교 프린트"])])
    # After the catalogue's titles come those of kinds without a content, and of the student's own material.
    title_row = np.where(
        has, np.where(shelf.content[entry] >= 0, shelf.content[entry], len(titles) - 1), len(catalogue) + kind - FREE
    )
    version_ids = uuids(rng, int(plans.column("version_group").max(initial=-1)) + 1)
    zero = np.zeros(count, dtype=int)
    return table(
        {
            "id": plans.ids.take(index),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "plan_group_id": pick(plans.group_ids, plans.group_row()[here], ~adhoc),
            "plan_date": dates(day),
            "block_index": r["position"],
            "plan_number": known(r["number"], ~adhoc),
            "content_type": pick((*CONTENT_TYPES, "free"), content_type),
            "content_id": content.take(index),
            "content_title": pick(titles, title_row),
            "content_subject": subject.take(index),
            "content_subject_category": group.take(index),
            "status": pick(STATUSES, status),
            "progress": progress,
            "completed_amount": known(np.where(r["far"], np.maximum(amount - 1, 1), amount), done | r["far"]),
            "planned_start_page_or_time": known(r["low"], has),
            "planned_end_page_or_time": known(r["high"], has),
            "start_time": times(r["start"], ~adhoc),
            "end_time": times(np.minimum(r["start"] + r["minutes"] * 60, DAY - 1), ~adhoc),
            "estimated_minutes": r["minutes"],
            "actual_start_time": instants(r["began"], timed | r["running"] | r["orphan"]),
            "actual_end_time": instants(tick, ended),
            "total_duration_seconds": known(r["wall"], timed),
            "paused_duration_seconds": np.where(timed, r["pause"], 0),
            "pause_count": np.where(timed & (r["pause"] > 0), 1 + r["pause"] // 600, 0),
            "carryover_count": r["carried"],
            "carryover_from_date": dates(day - r["carried"], r["carried"] > 0),
            "date_type": pick(["study", "review"], (dow == 0).astype(int)),
            "day_type": pick(["학습일", "복습일"], (dow == 0).astype(int)),
            "cycle_day_number": (dow + 6) % 7 + 1,
            "week": 1 + (day - bounds(timeline)[r["period"]]) // 7,
            "container_type": "daily",
            "time_slot_type": pick(["study", "self_study"], (r["start"] >= 19 * HOUR).astype(int)),
            "is_active": ~old,
            "is_adhoc": adhoc,
            "is_partial": r["is_split"],
            "is_virtual": kind == VIRTUAL,
            "virtual_subject_category": pick(STUDIED, r["group"], kind == VIRTUAL),
            "version": np.where(moved & ~old, 2, 1),
            "version_group_id": pick(version_ids, r["version_group"], moved),
            "started_at": instants(r["began"], adhoc & r["done"]),
            "completed_at": instants(r["tick"], adhoc & r["done"]),
            "actual_minutes": known(r["wall"] // 60, adhoc & r["done"]),
            "memo": pick(["메모: 표본"], zero, rng.random(count) < 0.01),
            "deleted_at": instants(r["deleted"], r["deleted"] >= 0),
            "created_at": instants(r["created"]),
            "updated_at": instants(changed),
        }
    )
