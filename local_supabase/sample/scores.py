"""Terms, 내신 and 모의고사.

Belongs here: marks, from ability, a trend and, a little, the study done before them. Not here: what was studied.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import norm

from local_supabase.sample.columns import Array, dates, instants, known, pick, table, uuids
from local_supabase.sample.curriculum import COURSES, GROUPS, REVISIONS, STUDIED, Curriculum
from local_supabase.sample.people import Students
from local_supabase.sample.plans import Plans
from local_supabase.sample.settings import SAMPLE
from local_supabase.sample.timeline import HOUR, Timeline, day_number, kst, school_year
from local_supabase.sample.traits import block

# Cumulative shares of the 등급 (semantics 2.5).
NINE = np.array([0.04, 0.11, 0.23, 0.40, 0.60, 0.77, 0.89, 0.96])
FIVE = np.array([0.10, 0.34, 0.66, 0.90])
# (학년, month, who sets it): 교육청 and 평가원 as in the real calendar, 사설 in between.
_EXAMS = (
    *((level, month, "교육청") for level in (1, 2) for month in (3, 6, 9, 10)),
    *((3, month, "교육청") for month in (3, 5, 7, 10)),
    *((3, month, "평가원") for month in (6, 9)),
    (3, 11, "수능"),
    *((level, 11, "사설") for level in (1, 2)),
    (3, 8, "사설"),
)
_TERM_ENDS = {1: (0, 7, 22), 2: (1, 1, 12)}  # semester -> years on, month, day on which marks are known
_TERM_BEGINS = {1: (0, 3, 4), 2: (0, 8, 25)}
_STUDY_EFFECT = 0.12  # standard deviations of a mark per standard deviation of study in the eight weeks before
_STUDY_WEEKS = 8
# 과목 a 모의고사 mark is filed under: the 과목 of the year, by revision, 학년 and 교과.
_MOCK_SUBJECTS = {
    (2015, 1): dict(zip(STUDIED, ("국어", "수학", "영어", "통합사회", "통합과학", "한국사"), strict=True)),
    (2015, 2): dict(zip(STUDIED, ("독서", "수학I", "영어I", "생활과 윤리", "물리학I", "한국사"), strict=True)),
    (2015, 3): dict(
        zip(STUDIED, ("화법과 작문", "미적분", "영어 독해와 작문", "사회·문화", "지구과학I", "한국사"), strict=True)
    ),
    (2022, 1): dict(
        zip(STUDIED, ("공통국어1", "공통수학1", "공통영어1", "통합사회1", "통합과학1", "한국사1"), strict=True)
    ),
    (2022, 2): dict(zip(STUDIED, ("문학", "대수", "영어I", "사회와 문화", "물리학", "한국사1"), strict=True)),
    (2022, 3): dict(
        zip(STUDIED, ("화법과 언어", "대수", "영어 독해와 작문", "사회와 문화", "물리학", "한국사1"), strict=True)
    ),
}
_ABSOLUTE = ("영어", "한국사")  # 절대평가: a 등급 from the raw mark, no percentile


@dataclass(frozen=True)
class Skill:
    """What a mark depends on, by student and 교과."""

    ability: Array
    trend: Array
    effort: Array  # (student, 교과, week) standardised minutes studied in the weeks before

    @classmethod
    def of(cls, students: Students, plans: Plans, timeline: Timeline) -> Skill:
        """Return the students' skill, with the study that `plans` says was done."""
        weeks = timeline.days // 7 + 1
        rows = plans.rows[plans.rows["done"] & (plans.rows["entry"] >= 0)]
        week = (rows["day"].to_numpy() - timeline.start) // 7
        shape = (len(students), len(STUDIED), weeks)
        cell = np.ravel_multi_index((rows["student"], rows["group"], np.maximum(week, 0)), shape)
        minutes = np.bincount(cell, weights=rows["minutes"], minlength=int(np.prod(shape))).reshape(shape)
        total = np.cumsum(minutes, axis=2)
        recent = total - np.pad(total, ((0, 0), (0, 0), (_STUDY_WEEKS, 0)))[:, :, :weeks]
        spread = recent.std(axis=0, keepdims=True)
        effort = (recent - recent.mean(axis=0, keepdims=True)) / np.where(spread > 0, spread, 1)
        return cls(block(students.traits, "ability"), block(students.traits, "trend"), effort)

    def at(self, student: Array, group: Array, day: Array, timeline: Timeline) -> Array:
        """Return the skill on `day`; 체육 and 예술 (group beyond STUDIED) follow the student's mean, loosely."""
        studied = group < len(STUDIED)
        column = np.where(studied, group, 0)
        months = (day - timeline.today) / 30.4
        week = np.clip((day - timeline.start) // 7 - 1, 0, self.effort.shape[2] - 1)
        effort = np.where(day > timeline.start + 7, self.effort[student, column, week], 0)
        own = self.ability[student, column] + self.trend[student, column] * months + _STUDY_EFFECT * effort
        return np.where(studied, own, 0.4 * self.ability.mean(axis=1)[student])


def tables(
    rng: np.random.Generator,
    students: Students,
    plans: Plans,
    curriculum: Curriculum,
    timeline: Timeline,
) -> Iterator[tuple[str, pa.Table]]:
    """Yield `student_terms`, `student_internal_scores` and `student_mock_scores`."""
    skill = Skill.of(students, plans, timeline)
    scored = rng.random(len(students)) < SAMPLE.scored
    terms = _terms(rng, students, scored, timeline)
    term_ids = uuids(rng, len(terms))
    yield "student_terms", _term_table(terms, term_ids, students, curriculum)
    yield "student_internal_scores", _internal(rng, students, skill, terms, term_ids, curriculum, timeline)
    yield "student_mock_scores", _mock(rng, students, skill, scored, curriculum, timeline)


def _day(year: int, parts: tuple[int, int, int]) -> int:
    later, month, day = parts
    return day_number(dt.date(year + later, month, day))


def _terms(rng: np.random.Generator, students: Students, scored: Array, timeline: Timeline) -> pd.DataFrame:
    """Return the terms recorded: student, level, semester, year, the day of the marks, and when they were entered."""
    this_year = school_year(timeline.today)
    parts = []
    for back in range(3):
        for semester in (1, 2):
            year = this_year - back
            if _day(year, _TERM_BEGINS[semester]) >= timeline.today - 1:
                continue
            here = np.flatnonzero(scored & (students.level > back) & (rng.random(len(students)) < 0.93))
            parts.append(
                pd.DataFrame(
                    {
                        "student": here,
                        "level": students.level[here] - back,
                        "semester": semester,
                        "year": year,
                        "opened": _day(year, _TERM_BEGINS[semester]),
                        "known": _day(year, _TERM_ENDS[semester]),
                    }
                )
            )
    terms = pd.concat(parts, ignore_index=True)
    count = len(terms)
    lag = np.where(
        rng.random(count) < SAMPLE.late_entry, rng.integers(90, 400, count), 1 + rng.lognormal(2.4, 0.7, count)
    ).astype(int)
    enrolled = students.enrolled[terms["student"].to_numpy()]
    entered = np.maximum(terms["known"].to_numpy(), enrolled) + lag
    terms["entered"] = kst(entered, 10 * HOUR + rng.integers(0, 12 * HOUR, count))
    terms["has_marks"] = entered < timeline.today
    # A term without marks yet is opened when it begins, or when the student comes.
    opened = kst(np.maximum(terms["opened"].to_numpy(), enrolled), 15 * HOUR)
    made = np.where(terms["has_marks"], terms["entered"] - 60, opened)
    terms["made"] = np.minimum(made, timeline.now - 60)
    return terms


def _term_table(terms: pd.DataFrame, ids: pa.StringArray, students: Students, curriculum: Curriculum) -> pa.Table:
    student = terms["student"].to_numpy()
    made = instants(terms["made"].to_numpy())
    return table(
        {
            "id": ids,
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "curriculum_revision_id": pick(
                curriculum.revision_ids, np.searchsorted(REVISIONS, students.revision[student])
            ),
            "school_year": terms["year"].to_numpy(),
            "grade": terms["level"].to_numpy(),
            "semester": terms["semester"].to_numpy(),
            "created_at": made,
            "updated_at": made,
        }
    )


def _marks(students: Students, terms: pd.DataFrame) -> pd.DataFrame:
    """Return one row per term and course taken: the row of the term, and of the course in COURSES."""
    marked = terms[terms["has_marks"]]
    student = marked["student"].to_numpy()
    parts = []
    for number, course in enumerate(COURSES):
        takes = (
            (students.high[student] == course.high)
            & (students.revision[student] == course.revision)
            & (marked["level"] == course.level)
            & (marked["semester"] == course.semester)
        )
        if course.track:
            takes &= students.science[student] == (course.track == "과학")
        parts.append(pd.DataFrame({"term": marked.index[takes], "course": number}))
    return pd.concat(parts, ignore_index=True)


def _internal(
    rng: np.random.Generator,
    students: Students,
    skill: Skill,
    terms: pd.DataFrame,
    term_ids: pa.StringArray,
    curriculum: Curriculum,
    timeline: Timeline,
) -> pa.Table:
    marks = _marks(students, terms)
    count = len(marks)
    term, course = marks["term"].to_numpy(), marks["course"].to_numpy()
    student = terms["student"].to_numpy()[term]

    def of_course(values: Sequence[object]) -> Array:
        return np.array(values).take(course)

    group = of_course([GROUPS.index(c.group) for c in COURSES])
    five = of_course([c.revision == 2022 for c in COURSES])
    career = of_course([c.kind == "진로선택" and c.revision == 2015 for c in COURSES])
    # No rank for 진로선택 of 2015, 과학탐구실험, 융합선택 of 2022, 체육 and 예술; middle schools rank nobody.
    unranked = (
        of_course(
            [not c.high or c.kind in ("과학탐구실험", "융합선택") or c.group in ("체육", "예술") for c in COURSES]
        )
        | career
    )
    z = skill.at(student, group, terms["known"].to_numpy()[term] - 20, timeline) + rng.normal(0, 0.42, count)
    average = np.clip(rng.normal(67, 6, count), 45, 85)
    spread = np.clip(rng.normal(17, 2.5, count), 9, 25)
    raw = np.round(np.clip(average + spread * z, 0, 100))
    takers = rng.integers(60, 330, count)
    rank = np.clip(np.ceil((1 - norm.cdf(z)) * takers), 1, takers).astype(int)
    share = (rank - 0.5) / takers
    grade = np.where(five, np.searchsorted(FIVE, share), np.searchsorted(NINE, share)) + 1
    three_level = career | of_course([c.group in ("체육", "예술") for c in COURSES])
    achieved = np.where(three_level, 2 - (raw >= 60) - (raw >= 80), 4 - np.searchsorted([60, 70, 80, 90], raw, "right"))
    ranked = ~unranked
    has_rank = ranked & (rng.random(count) < 0.85)
    dated = rng.random(count) < 0.95
    entered = instants(terms["entered"].to_numpy()[term] + rng.integers(0, 60, count))
    imported = rng.random(count) < 0.15
    names = [(c.revision, c.group, c.subject) for c in COURSES]
    return table(
        {
            "id": uuids(rng, count),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "student_term_id": pick(term_ids, term, dated),
            "curriculum_revision_id": pick(
                curriculum.revision_ids, of_course([REVISIONS.index(c.revision) for c in COURSES])
            ),
            "subject_group_id": pick(
                curriculum.group_ids, of_course([curriculum.groups[c.revision, c.group] for c in COURSES])
            ),
            "subject_id": pick(curriculum.subject_ids, of_course([curriculum.subjects[name][0] for name in names])),
            "subject_type_id": pick(
                curriculum.kind_ids, of_course([curriculum.kinds[c.revision, c.kind] for c in COURSES])
            ),
            "grade": terms["level"].to_numpy()[term],
            "semester": terms["semester"].to_numpy()[term],
            "credit_hours": of_course([c.credits for c in COURSES]),
            "raw_score": known(raw, rng.random(count) < 0.98),
            "avg_score": np.round(average, 1),
            "std_dev": known(np.round(spread, 1), ~career & ~(five & (rng.random(count) < 0.4))),
            "rank_grade": known(grade, ranked),
            "grade_system": known(np.where(five, 5, 9), ranked & imported),
            "achievement_level": pick(["A", "B", "C", "D", "E"], achieved),
            "class_rank": known(rank, has_rank),
            "total_students": takers,
            "estimated_percentile": known(np.round(share, 4), ranked),
            "converted_grade_9": known(np.searchsorted(NINE, share) + 1, ranked & (rng.random(count) < 0.7)),
            "notes": pick(["더미 데이터"], np.zeros(count, dtype=int), students.dummy[student]),
            "created_at": entered,
            "updated_at": entered,
        }
    )


def _mock(
    rng: np.random.Generator,
    students: Students,
    skill: Skill,
    scored: Array,
    curriculum: Curriculum,
    timeline: Timeline,
) -> pa.Table:
    sat = _sittings(rng, students, scored, timeline)
    parts = []
    for number, name in enumerate(STUDIED):
        takes = np.ones(len(sat), dtype=bool)
        if name in ("사회", "과학"):  # both in 고1, the 계열 after it
            science = students.science[sat["student"]]
            takes = (sat["level"].to_numpy() == 1) | (science == (name == "과학"))
        parts.append(sat[takes].assign(group=number))
    marks = pd.concat(parts, ignore_index=True)
    count = len(marks)
    student, group, level = (marks[name].to_numpy() for name in ("student", "group", "level"))
    z = skill.at(student, group, marks["day"].to_numpy(), timeline) + rng.normal(0, 0.3, count)
    absolute = np.isin(group, [STUDIED.index(name) for name in _ABSOLUTE])
    history = group == STUDIED.index("한국사")
    core = group < 3
    raw = np.where(
        history, np.clip(34 + 7 * z, 0, 50), np.where(core, np.clip(68 + 16 * z, 0, 100), np.clip(33 + 8 * z, 0, 50))
    )
    raw = np.round(raw)
    percentile = np.round(np.clip(100 * norm.cdf(z), 0, 100))
    by_rank = np.searchsorted(NINE, 1 - norm.cdf(z)) + 1
    by_mark = np.where(history, np.clip(9 - (raw // 5).astype(int), 1, 9), np.clip(10 - (raw // 10).astype(int), 1, 9))
    mathematics = group == STUDIED.index("수학")
    variant = np.where(students.science[student], rng.choice([0, 0, 0, 1], count), 2)
    subject: Array = np.zeros(count, dtype=int)
    for (revision, year), names in _MOCK_SUBJECTS.items():
        here = (students.revision[student] == revision) & (level == year)
        rows = np.array([curriculum.subjects[revision, name, names[name]][0] for name in STUDIED])
        subject[here] = rows[group[here]]
    entered = instants(marks["entered"].to_numpy())
    groups = np.array([[curriculum.groups[year, name] for name in STUDIED] for year in REVISIONS])
    revision_row = np.searchsorted(REVISIONS, students.revision[student])
    return table(
        {
            "id": uuids(rng, count),
            "tenant_id": pick(students.tenant_ids, student),
            "student_id": pick(students.ids, student),
            "subject_group_id": pick(curriculum.group_ids, groups[revision_row, group]),
            "subject_id": pick(curriculum.subject_ids, subject),
            "curriculum_revision_id": pick(curriculum.revision_ids, revision_row, rng.random(count) < 0.3),
            "exam_date": dates(marks["month_day"].to_numpy()),
            "exam_title": pa.array(marks["title"].to_numpy(dtype=object), pa.string()),
            "grade": level,
            "raw_score": known(raw, rng.random(count) < 0.95),
            "standard_score": known(np.round(np.where(core, 100 + 20 * z, 50 + 10 * z)), ~absolute),
            "percentile": known(percentile, ~absolute),
            "grade_score": np.where(absolute, by_mark, by_rank),
            "math_variant": pick(["미적분", "기하", "확률과통계"], variant, mathematics & (level == 3)),
            "created_at": entered,
            "updated_at": entered,
        }
    )


def _sittings(rng: np.random.Generator, students: Students, scored: Array, timeline: Timeline) -> pd.DataFrame:
    """Return who sat which exam: student, level, day, exam month's first day, title, and the instant of entry."""
    this_year = school_year(timeline.today)
    parts = []
    for back in range(3):
        for level, month, setter in _EXAMS:
            year = this_year - back
            month_day = day_number(dt.date(year, month, 1))
            here = np.flatnonzero(
                scored & students.high & (students.level - back == level) & (rng.random(len(students)) < 0.85)
            )
            day = month_day + 5 + (7 * month) % 15
            title = f"{month}월 {setter}" if setter == "수능" else f"{month}월 {setter} 모의고사"
            if back > 0:  # the older style names the 학년도
                title = f"{year + (1 if level == 3 else 0)}학년도 {title}"
            waits = np.where(
                rng.random(len(here)) < 0.1, rng.integers(30, 150, len(here)), rng.integers(1, 25, len(here))
            )
            entered = np.maximum(day, students.enrolled[here]) + waits
            sat = pd.DataFrame({"student": here, "level": level, "day": day, "month_day": month_day, "title": title})
            sat["entered"] = kst(entered, 21 * HOUR)
            parts.append(sat[entered < timeline.today])
    return pd.concat(parts, ignore_index=True)
