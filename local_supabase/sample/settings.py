"""Every number that decides what the sample data looks like, with its reason.

Belongs here: sizes, shares and thresholds. Not here: names and lists of subjects (`curriculum`), or how rows are made.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """Sizes and shares of the sample. Shares are 0-1 of the rows named; "assumed" means chosen by us, not counted."""

    # Sizes
    students_per_chunk: int = 2_500  # half a million plans: about 1 GiB at its widest, so any number of students fits
    students_per_academy: int = 150  # assumed; the brief's proportion
    least_academies: int = 3
    tiny_academy: int = 7  # the only documented count of students in the live database
    least_students: int = 40  # below it three academies and a tiny one cannot be uneven
    books: int = 1_277  # documented count of master_books
    lectures: int = 129  # documented count of master_lectures
    customs: int = 24  # assumed: a few
    detailed_books: float = 0.14  # 177 details are documented; a table of contents has several, on few books

    # Time
    weeks: int = 26  # half a year of plans: enough for a weekly backtest with a training window before it
    weeks_ahead: int = 1  # the app plans the coming week
    migrated_share: float = 0.10  # of the window: what the calendar migration soft-deleted (semantics 0.6)
    calendar_share: float = 0.60  # of the window: the last part, which has calendar twins (since 2026-03)
    recent_weeks: int = 8  # history, attendance and check-ins cover only these; older rows add volume, not cases

    # Students
    high_school: float = 0.7  # assumed
    withdrawn: float = 0.06  # assumed
    idle: float = 0.05  # enrolled but never planned anything: the cold start
    newcomers: float = 0.25  # enrolled inside the window
    dummies: float = 0.004  # tagged '더미 데이터' in memo, to be filtered
    parents: float = 0.6  # of students have a linked parent
    scored: float = 0.85  # of students have any score entered

    # Study load: Poisson plans a week, log-normal over students; gives about 200 plans a student over the window
    plans_per_week: float = 8.1
    plans_per_week_spread: float = 0.4
    plans_per_day_most: int = 6

    # What kinds of plans there are
    adhoc: float = 0.04
    virtual: float = 0.01
    non_study: float = 0.015
    self_study: float = 0.03
    split: float = 0.04  # cut into two blocks under one plan_number
    rescheduled: float = 0.03  # an inactive earlier version stays behind
    carried_over: float = 0.07
    cancelled: float = 0.02
    skipped: float = 0.03
    deleted: float = 0.015
    calendar_only: float = 0.03  # of the calendar era: no student_plan row
    stale_plan: float = 0.01  # esd says done, student_plan still pending
    undone_event: float = 0.006  # student_plan says completed, esd says not done
    far_progress: float = 0.02  # not completed but progress >= 80: the third completion definition
    stray_text: float = 0.03  # subject free text with blanks around it or another case

    # Recording
    paused: float = 0.4  # of timed studies have a pause
    wall_sessions: float = 0.2  # sessions closed by the RPC, which stores wall time
    orphan_sessions: float = 0.04  # of students left a timer running
    ticked_next_morning: float = 0.1  # of checkbox completions: written 00:00-09:00 KST
    rated: float = 0.04  # of completed plans
    late_entry: float = 0.12  # 내신 entered months after the term

    # Contents: what is missing in life
    labelled_difficulty: float = 0.45
    linked_difficulty: float = 0.15
    known_pages: float = 0.6
    analysed: float = 0.25
    inactive_content: float = 0.03
    academy_content: float = 0.06
    new_content: float = 0.06  # appears inside the window: the item cold start
    minutes_by_mistake: float = 0.05  # lectures whose durations are in minutes, not seconds

    # Choice of the next content: a logit over the contents of one 교과 that suit school, year and revision.
    # Sizes are set so that taste, level and series together outweigh popularity, as a recommender should find out.
    choice_rounds: int = 6
    popularity: float = 1.0  # spread of log popularity
    level_mismatch: float = 1.1  # per squared step of difficulty away from the student's level
    taste: float = 1.3  # per unit of taste for the publisher's line, the same in every 교과
    next_volume: float = 4.5  # the volume after the one just finished
    later_volume: float = 1.4  # cost per volume of starting a series in the middle
    custom_choice: float = 0.05  # the student writes down a material of their own
    unlinked_copy: float = 0.03  # a copy that has lost its master


SAMPLE = Sample()
