"""Every number and set that decides whether a row is in order, with its reason.

Belongs here: bounds. Not here: which column they apply to (the suites).
"""

from __future__ import annotations

import datetime as dt
from typing import Final

SCHOOL_YEAR_LEVELS: Final = (1, 3)
"""학년 within middle or high school. The app keeps graduates at 3."""

PERCENTILE: Final = (0, 100)
"""백분위 of a mock exam: 0 to 100, higher better, as the app's own check constraint has it."""

RANK_GRADES: Final = (1, 9)
"""등급, 1 best. Nine levels, or five from the 2022 revision on, in one column."""

RAW_SCORE: Final = (0, 100)
"""원점수, school and mock. Rows outside are left out of the warehouse and counted."""

RATINGS: Final = (1, 5)
DIFFICULTY_SCORE: Final = (0, 5)
WEEKDAYS: Final = (0, 6)
"""0 is Sunday everywhere in the app."""

ATTENDANCE: Final = ("present", "absent", "late", "early_leave", "excused")

FIRST_DATE: Final = dt.date(2000, 1, 1)
LAST_DATE: Final = dt.date(2100, 12, 31)
"""No row of the app, nor of the learners of 2013 it is tried with, lies outside; a typing slip in the year does."""

CONTENT_TYPES: Final = ("book", "lecture", "custom")
"""The three kinds of masters. Anything else has none to recommend."""

PLANNED_CONTENT_TYPES: Final = (*CONTENT_TYPES, "free", "review", "practice", "reading", "video", "assignment")
"""What plans may be about: the kinds of masters, and what staff plan freely."""

PLAN_STATUSES: Final = ("pending", "in_progress", "completed", "canceled", "cancelled", "skipped")
"""The app writes both spellings of cancelled."""

EVENT_STATUSES: Final = ("confirmed", "tentative", "cancelled")
PLAN_GROUP_STATUSES: Final = ("draft", "saved", "active", "paused", "completed", "cancelled")

SCHOOL_TYPES: Final = ("MIDDLE", "HIGH", "UNIVERSITY", "middle", "high", "university")
"""The pipeline folds the case, so both are known."""

SEMESTERS: Final = (1, 2)

SCORE: Final = (0, 1)
"""Scores of recommendations are relative to the best of their list."""

LIST_LENGTH: Final = 200
"""Most contents one student is recommended. The recommender's list is 50 deep, and tops up subject groups of which it
holds fewer than 10: that is 50 and 10 for each of 15 groups, more than the app's curriculum has."""

FALLBACK_LENGTH: Final = 50
"""Most contents of one list for students without their own: the app never asks for more at once; the recommender
makes 20."""

SOURCES: Final = ("personal", "short_history", "cohort", "holdout", "popular_recent")
"""What can have made a row: the student's own history, the habits of the year, or the baseline where it does better."""

EXAM_KINDS: Final = ("internal", "mock")
"""내신 and 모의고사."""

TRENDS: Final = ("improving", "stable", "declining", "unknown")
"""Unknown where a student has too few scores to say."""

PREDICTED_SCALES: Final = ("percentile", "raw_score")
"""What a prediction may be counted in; either goes from 0 to 100."""

INTERVAL_BASES: Final = ("calibrated", "uncalibrated")
"""Whether later scores were held against the intervals, or there were too few of them."""

FACTOR_CODES: Final = ("past_exams", "trend", "effort", "kind", "cohort")
"""What may move a prediction away from the mean of its cohort."""

LEAST_STUDENTS: Final = 5
"""Least number of students behind a number that anybody is shown: fewer could be recognised."""

STUDY_TIMES: Final = ("early_morning", "morning", "afternoon", "evening", "night")
"""The five times of day that the app knows."""

HOURS: Final = (0, 23)
"""Hours of a day in Seoul, by when they begin."""

GRADE_TRENDS: Final = (-1, 1)
"""Direction of the latest scores; +1 is better."""

INSUFFICIENT: Final = "insufficient"
"""What a row says of a figure for which too little is known. Such a row has no figure."""

PREDICTION_TYPES: Final = ("weekly_completion", "subject_struggle", "burnout_risk", "exam_readiness")
WARNING_TYPES: Final = (
    *("completion_drop", "streak_break", "subject_struggle", "burnout_risk", "schedule_overload"),
    "exam_unpreparedness",
)
SEVERITIES: Final = ("low", "medium", "high", "critical")
"""As the app has them, all three."""

ADDING_UP: Final = 0.5
"""How far what is told of a number may be from it, of 100: ten parts that are each rounded to a decimal."""

COHORT_SIZES: Final = ("student_count", "studentCount", "cohort_size", "cohortSize")
"""Under which names a comparison says with how many students it compares."""

MINUTES_OF_A_DAY: Final = 1_440
