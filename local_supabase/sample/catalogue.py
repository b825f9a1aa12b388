"""The master contents: books, lectures, custom contents, their details, analyses and order.

Belongs here: what can be studied, and what is true of it (`Catalogue`) against what the tables tell. Not here: who
chooses what. About 1 400 rows, independent of the number of students, so Python may loop over them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from local_supabase.sample.columns import Array, Stream, choose, instants, known, pick, stream, table, uuids
from local_supabase.sample.curriculum import COURSES, LEVELS, REVISIONS, STUDIED, Curriculum
from local_supabase.sample.settings import SAMPLE
from local_supabase.sample.timeline import DAY, HOUR, Timeline, kst
from local_supabase.sample.traits import LINES

# Books by 교과 (국 수 영 사 과 한국사) and school: high schools have more, mathematics most.
_GROUP_SHARES = (0.19, 0.31, 0.22, 0.12, 0.13, 0.03)
_HIGH_SHARE = 0.72
_ANY_REVISION_SHARE = 0.3
_VOLUMES = (1, 2, 3)
_PLATFORMS = ("표본인강", "배움터", "강의마당", "EBS 표본")
_UNITS = ("기초 다지기", "개념 확인", "유형 연습", "실전 문제", "단원 마무리")
_LABEL_SYNONYMS = np.array(["기초", "기본", "최상"], dtype=object)  # the scheduler's words, now and then


@dataclass(frozen=True)
class Catalogue:
    """The contents as they are, one entry per content in every array: books first, lectures after them."""

    ids: pa.StringArray
    titles: pa.Array
    subject_names: pa.Array
    subject_row: Array  # row of Curriculum.subject_ids
    group: Array  # index into STUDIED
    high: Array
    low: Array  # 학년 from
    top: Array  # 학년 to
    revision: Array  # 2015, 2022, or 0 for both
    difficulty: Array  # 1 개념 to 3 심화, continuous
    line: Array  # index into LINES
    volume: Array
    series: Array
    next_volume: Array  # row of the next volume, -1 for none
    popularity: Array  # log
    tenant: Array  # -1 for all
    active: Array
    created: Array  # day
    lecture: Array
    units: Array  # pages of a book, episodes of a lecture
    episode_minutes: Array  # 0 for books

    def __len__(self) -> int:
        return len(self.group)

    def suits(self, group: int, high: bool, level: int, revision: int) -> Array:
        """Return the rows that suit a student of this school, year and revision in one 교과."""
        return np.flatnonzero(
            (self.group == group)
            & (self.high == high)
            & (self.low <= level)
            & (self.top >= level)
            & np.isin(self.revision, (0, revision))
        )


def _series(rng: np.random.Generator, count: int, longest: int) -> tuple[Array, Array]:
    """Cut `count` contents into series; return the series and the volume of each."""
    lengths = rng.choice(_VOLUMES[:longest], size=count)
    series = np.repeat(np.arange(count), lengths)[:count]
    return series, np.arange(count) - np.searchsorted(series, series) + 1


def build(seed: int, curriculum: Curriculum, tenants: int, timeline: Timeline) -> Catalogue:
    """Return the catalogue for this seed."""
    rng = stream(seed, Stream.CATALOGUE)
    books, lectures = SAMPLE.books, SAMPLE.lectures
    book_series, book_volume = _series(rng, books, 3)
    lecture_series, lecture_volume = _series(rng, lectures, 2)
    series = np.concatenate([book_series, lecture_series + books])
    volume = np.concatenate([book_volume, lecture_volume])
    count = books + lectures
    lecture = np.arange(count) >= books

    # Everything that a series shares is drawn once per series.
    shared = int(series.max()) + 1
    group = choose(rng, _GROUP_SHARES, shared)[series]
    high = ((rng.random(shared) < _HIGH_SHARE)[series]) | (group == STUDIED.index("한국사"))
    revision = np.where(
        rng.random(shared) < _ANY_REVISION_SHARE, 0, rng.choice([2015, 2022], p=[0.4, 0.6], size=shared)
    )
    revision = revision[series]
    line = rng.integers(0, len(LINES), shared)[series]
    level = rng.choice([1.0, 2.0, 3.0], p=[0.35, 0.4, 0.25], size=shared)[series]
    difficulty = np.clip(level + 0.15 * (volume - 1) + rng.normal(0, 0.15, count), 0.6, 3.6)
    turn = rng.random(shared)[series]

    names, rows, low, top = _subjects(curriculum, group, high, revision, turn)
    following = np.append((series[1:] == series[:-1]), False)
    created = timeline.start - 30 - (rng.random(count) * 400).astype(int)
    fresh = rng.random(count) < SAMPLE.new_content
    created = np.where(fresh, timeline.start + (rng.random(count) * 7 * (SAMPLE.weeks - 3)).astype(int), created)
    active = rng.random(count) >= SAMPLE.inactive_content
    tenant = np.where(rng.random(count) < SAMPLE.academy_content, rng.integers(0, tenants, count), -1)
    episodes = rng.integers(8, 25, count)
    titles = [
        f"{LINES[a]} {b} {LEVELS[int(c) - 1]}" + (" 특강" if d else "") + (f" {e}권" if not d else f" {e}강좌")
        for a, b, c, d, e in zip(line, names, level, lecture, volume, strict=True)
    ]
    return Catalogue(
        ids=uuids(rng, count),
        titles=pa.array(titles),
        subject_names=pa.array(names),
        subject_row=rows,
        group=group,
        high=high,
        low=low,
        top=top,
        revision=revision,
        difficulty=difficulty,
        line=line,
        volume=volume,
        series=series,
        next_volume=np.where(following, np.arange(count) + 1, -1),
        popularity=rng.normal(0, SAMPLE.popularity, count),
        tenant=tenant,
        active=active,
        created=created,
        lecture=lecture,
        units=np.where(lecture, episodes, rng.integers(9, 40, count) * 10),
        episode_minutes=np.where(lecture, rng.integers(25, 60, count), 0),
    )


def _subjects(
    curriculum: Curriculum, group: Array, high: Array, revision: Array, turn: Array
) -> tuple[list[str], Array, Array, Array]:
    """Give each content a 과목 of its 교과; return names, rows in the curriculum, and the years it is for."""
    offered: dict[tuple[str, bool, int], dict[str, list[int]]] = {}
    for course in COURSES:
        offered.setdefault((course.group, course.high, course.revision), {}).setdefault(course.subject, []).append(
            course.level
        )
    names, rows, low, top = [], [], [], []
    for g, h, r, t in zip(group, high, revision, turn, strict=True):
        key = r or REVISIONS[-1]
        choices = offered[STUDIED[g], bool(h), int(key)]
        # A content for both revisions is for the 교과 as a whole, so for all years.
        name = list(choices)[int(t * len(choices))]
        years = (1, 2, 3) if r == 0 or not h or STUDIED[g] == "한국사" else choices[name]
        # High-school 과목 are also studied ahead in the year before.
        names.append(name)
        rows.append(curriculum.subjects[int(key), STUDIED[g], name][0])
        low.append(max(1, min(years) - 1))
        top.append(3 if STUDIED[g] == "한국사" else max(years))
    return names, np.array(rows), np.array(low), np.array(top)


def tables(
    catalogue: Catalogue, curriculum: Curriculum, tenant_ids: pa.StringArray, seed: int, timeline: Timeline
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the master tables: what the app knows of the catalogue, which is less than the truth."""
    rng = stream(seed, Stream.CATALOGUE, 1)
    common = _common_columns(rng, catalogue, curriculum, tenant_ids)
    books, lectures = ~catalogue.lecture, catalogue.lecture
    yield "master_books", _books(rng, catalogue, common.filter(pa.array(books)), books)
    yield from _lectures(rng, catalogue, common.filter(pa.array(lectures)), lectures)
    yield "book_details", _details(rng, catalogue)
    yield "content_difficulty_analysis", _analyses(rng, catalogue)
    yield "content_dependencies", _dependencies(rng, catalogue, tenant_ids)
    yield "master_custom_contents", _customs(rng, curriculum, timeline)


def _common_columns(
    rng: np.random.Generator, catalogue: Catalogue, curriculum: Curriculum, tenant_ids: pa.StringArray
) -> pa.Table:
    count = len(catalogue)
    label = np.clip(np.round(catalogue.difficulty), 1, 3).astype(int) - 1
    labels = np.where(rng.random(count) < 0.08, _LABEL_SYNONYMS[label], np.array(LEVELS, dtype=object)[label])
    revision_row = np.where(catalogue.revision == 2015, 0, 1)
    group_row = np.array(
        [
            curriculum.groups[int(r) or REVISIONS[-1], STUDIED[g]]
            for r, g in zip(catalogue.revision, catalogue.group, strict=True)
        ]
    )
    created = instants(kst(catalogue.created, 11 * HOUR))
    rated = rng.random(count) < 0.3
    return table(
        {
            "id": catalogue.ids,
            "tenant_id": pick(tenant_ids, catalogue.tenant, catalogue.tenant >= 0),
            "title": catalogue.titles,
            "subject": catalogue.subject_names,
            "subject_category": pick(STUDIED, catalogue.group),
            "subject_group_id": pick(curriculum.group_ids, group_row, rng.random(count) < 0.5),
            "subject_id": pick(curriculum.subject_ids, catalogue.subject_row, rng.random(count) < 0.4),
            "curriculum_revision_id": pick(curriculum.revision_ids, revision_row, catalogue.revision > 0),
            "revision": pick(["2015개정", "2022개정"], revision_row, catalogue.revision > 0),
            "difficulty_level": known(labels, rng.random(count) < SAMPLE.labelled_difficulty),
            "difficulty_level_id": pick(
                curriculum.level_ids, label + 3 * catalogue.lecture, rng.random(count) < SAMPLE.linked_difficulty
            ),
            "overall_difficulty": known(
                np.round(catalogue.difficulty * 2.5, 2), rng.random(count) < SAMPLE.linked_difficulty
            ),
            "review_count": known(rng.poisson(np.exp(2 + catalogue.popularity)), rated),
            "review_score": known(np.round(np.clip(rng.normal(4.1, 0.4, count), 1, 5), 1), rated),
            "is_active": catalogue.active,
            "created_at": created,
            "updated_at": created,
        }
    )


def _books(rng: np.random.Generator, catalogue: Catalogue, common: pa.Table, here: Array) -> pa.Table:
    count = int(here.sum())
    series = np.array(
        [f"{LINES[line]} {number}" for line, number in zip(catalogue.line, catalogue.series, strict=True)]
    )
    in_series = np.bincount(catalogue.series)[catalogue.series] > 1
    return pa.table(
        dict(zip(common.column_names, common.columns, strict=True))
        | {
            "school_type": pick(["MIDDLE", "HIGH"], catalogue.high[here].astype(int)),
            "grade_min": pa.array(catalogue.low[here]),
            "grade_max": pa.array(catalogue.top[here]),
            "total_pages": known(catalogue.units[here], rng.random(count) < SAMPLE.known_pages),
            "series_name": known(series[here], in_series[here]),
            "content_category": pick(["개념서", "문제집", "기출문제집"], choose(rng, [0.4, 0.45, 0.15], count)),
            "publisher_name": pick([f"{line}출판" for line in LINES], catalogue.line[here]),
            "isbn_13": pa.array([f"97900000{number:05d}" for number in range(count)]),
            "target_exam_type": pick(["{내신}", "{수능,모의고사}"], rng.integers(0, 2, count)),
            "source": pick(["web_search", "cold_start"], rng.integers(0, 2, count), rng.random(count) < 0.3),
        }
    )


def _lectures(
    rng: np.random.Generator, catalogue: Catalogue, common: pa.Table, here: Array
) -> Iterator[tuple[str, pa.Table]]:
    count = int(here.sum())
    unit = np.where(rng.random(count) < SAMPLE.minutes_by_mistake, 1, 60)
    episodes, minutes = catalogue.units[here], catalogue.episode_minutes[here]
    yield (
        "master_lectures",
        pa.table(
            dict(zip(common.column_names, common.columns, strict=True))
            | {
                "total_episodes": pa.array(episodes),
                "total_duration": known(episodes * minutes * unit, rng.random(count) < 0.85),
                "platform": pick(_PLATFORMS, rng.integers(0, len(_PLATFORMS), count)),
                "instructor_name": pick([f"{line} 강사" for line in LINES], catalogue.line[here]),
                "grade_level": pick(
                    ["중1", "중2", "중3", "고1", "고2", "고3"], 3 * catalogue.high[here] + catalogue.top[here] - 1
                ),
                "linked_book_id": pick(catalogue.ids, rng.integers(0, SAMPLE.books, count), rng.random(count) < 0.2),
            }
        ),
    )
    detailed = np.flatnonzero(rng.random(count) < 0.5)
    lecture = np.repeat(detailed, episodes[detailed])
    number = np.arange(len(lecture)) - np.searchsorted(lecture, lecture) + 1
    yield (
        "lecture_episodes",
        table(
            {
                "id": uuids(rng, len(lecture)),
                "lecture_id": pick(common["id"].combine_chunks(), lecture),
                "episode_number": number,
                "display_order": number,
                "episode_title": pick(_UNITS, number % len(_UNITS)),
                "duration": known(
                    ((minutes[lecture] + rng.normal(0, 3, len(lecture))) * unit[lecture]).astype(int),
                    rng.random(len(lecture)) < 0.97,
                ),
                "created_at": pick(common["created_at"].combine_chunks(), lecture),
            }
        ),
    )


def _details(rng: np.random.Generator, catalogue: Catalogue) -> pa.Table:
    detailed = np.flatnonzero(~catalogue.lecture & (rng.random(len(catalogue)) < SAMPLE.detailed_books))
    book = np.repeat(detailed, len(_UNITS))
    number = np.tile(np.arange(len(_UNITS)), len(detailed))
    return table(
        {
            "id": uuids(rng, len(book)),
            "book_id": pick(catalogue.ids, book),
            "display_order": number,
            "major_unit": pick([f"{n}단원" for n in range(1, len(_UNITS) + 1)], number),
            "minor_unit": pick(_UNITS, number),
            "page_number": 1 + number * catalogue.units[book] // len(_UNITS),
            "created_at": instants(kst(catalogue.created[book], 12 * HOUR)),
        }
    )


def _analyses(rng: np.random.Generator, catalogue: Catalogue) -> pa.Table:
    rows = np.flatnonzero(rng.random(len(catalogue)) < SAMPLE.analysed)
    count = len(rows)
    score = np.clip(catalogue.difficulty[rows] * 1.4 + rng.normal(0, 0.3, count), 0, 5)
    created = instants(kst(catalogue.created[rows], 12 * HOUR))
    return table(
        {
            "id": uuids(rng, count),
            "content_id": pick(catalogue.ids, rows),
            "content_type": pick(["book", "lecture"], catalogue.lecture[rows].astype(int)),
            "overall_difficulty_score": np.round(score, 2),
            "difficulty_confidence": np.round(rng.uniform(0.5, 0.95, count), 2),
            "concept_density": np.round(np.clip(score + rng.normal(0, 0.4, count), 0, 5), 2),
            "analyzed_by": pick(["ai", "algorithm", "manual"], choose(rng, [0.7, 0.2, 0.1], count)),
            "analyzed_at": created,
            "created_at": created,
            "updated_at": created,
        }
    )


def _dependencies(rng: np.random.Generator, catalogue: Catalogue, tenant_ids: pa.StringArray) -> pa.Table:
    rows = np.flatnonzero((catalogue.next_volume >= 0) & (rng.random(len(catalogue)) < 0.5))
    after = catalogue.next_volume[rows]
    kind = pick(["book", "lecture"], catalogue.lecture[rows].astype(int))
    return table(
        {
            "id": uuids(rng, len(rows)),
            "tenant_id": pick(tenant_ids, rng.integers(0, len(tenant_ids), len(rows))),
            "prerequisite_content_id": pick(catalogue.ids, rows),
            "prerequisite_content_type": kind,
            "dependent_content_id": pick(catalogue.ids, after),
            "dependent_content_type": kind,
            "scope": "global",
            "created_at": instants(kst(np.maximum(catalogue.created[rows], catalogue.created[after]), 12 * HOUR)),
        }
    )


def _customs(rng: np.random.Generator, curriculum: Curriculum, timeline: Timeline) -> pa.Table:
    count = SAMPLE.customs
    group = rng.integers(0, 3, count)
    level = rng.integers(0, 3, count)
    created = instants(np.full(count, timeline.now - 400 * DAY))
    return table(
        {
            "id": uuids(rng, count),
            "title": pick([f"{name} 복습 자료" for name in STUDIED], group),
            "subject_category": pick(STUDIED, group),
            "difficulty_level": pick(["하", "중", "상"], level),
            "difficulty_level_id": pick(curriculum.level_ids, 6 + level),
            "content_type": "custom",
            "total_page_or_time": rng.choice([30, 45, 60, 120, 200], count),
            "created_at": created,
            "updated_at": created,
        }
    )
