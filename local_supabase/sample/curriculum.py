"""What is taught: curriculum revisions, 교과, 과목 and who takes which course when.

Belongs here: the lists and their tables. Not here: contents (`catalogue`) or marks (`scores`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from local_supabase.sample.columns import Stream, instants, pick, stream, table, uuids
from local_supabase.sample.timeline import Timeline

REVISIONS = (2015, 2022)
FIRST_YEAR_OF_2022 = 2025  # pupils who entered 중1 or 고1 in March 2025 or later follow the 2022 revision
STUDIED = ("국어", "수학", "영어", "사회", "과학", "한국사")
GROUPS = (*STUDIED, "체육", "예술")
PHYSICAL_ARTS = ("체육", "예술")
KINDS = ("공통", "일반선택", "진로선택", "융합선택", "과학탐구실험")
LEVELS = ("개념", "기본", "심화")
CUSTOM_LEVELS = ("하", "중", "상")


@dataclass(frozen=True)
class Course:
    """One 과목 in one term: who takes it and what it weighs. `track` is '' for all, or the 탐구 group chosen."""

    revision: int
    high: bool
    level: int
    semester: int
    group: str
    subject: str
    kind: str
    credits: int
    track: str = ""


# (revision, 학년, semester): "교과:과목:구분:학점[:계열]", 고등학교.
_HIGH = {
    (2015, 1, 1): "국어:국어:공통:4 수학:수학:공통:4 영어:영어:공통:4 한국사:한국사:공통:3 사회:통합사회:공통:4 "
    "과학:통합과학:공통:4 과학:과학탐구실험:과학탐구실험:1 체육:체육:일반선택:2 예술:음악:일반선택:2",
    (2015, 1, 2): "국어:국어:공통:4 수학:수학:공통:4 영어:영어:공통:4 한국사:한국사:공통:3 사회:통합사회:공통:4 "
    "과학:통합과학:공통:4 과학:과학탐구실험:과학탐구실험:1 체육:체육:일반선택:2 예술:미술:일반선택:2",
    (2015, 2, 1): "국어:문학:일반선택:4 수학:수학I:일반선택:4 영어:영어I:일반선택:4 체육:운동과_건강:일반선택:2 "
    "사회:생활과_윤리:일반선택:3:사회 사회:사회·문화:일반선택:3:사회 과학:물리학I:일반선택:3:과학 "
    "과학:화학I:일반선택:3:과학",
    (2015, 2, 2): "국어:독서:일반선택:4 수학:수학II:일반선택:4 영어:영어II:일반선택:4 체육:운동과_건강:일반선택:2 "
    "사회:한국지리:일반선택:3:사회 사회:사회·문화:일반선택:3:사회 과학:생명과학I:일반선택:3:과학 "
    "과학:화학I:일반선택:3:과학",
    (2015, 3, 1): "국어:화법과_작문:일반선택:4 수학:확률과_통계:일반선택:4:사회 수학:미적분:일반선택:4:과학 "
    "영어:영어_독해와_작문:일반선택:4 사회:세계지리:일반선택:3:사회 과학:지구과학I:일반선택:3:과학 "
    "사회:사회문제_탐구:진로선택:3:사회 수학:기하:진로선택:3:과학",
    (2015, 3, 2): "국어:언어와_매체:일반선택:4 수학:확률과_통계:일반선택:4:사회 수학:미적분:일반선택:4:과학 "
    "영어:영어_독해와_작문:일반선택:4 사회:고전과_윤리:진로선택:3:사회 과학:물리학II:진로선택:3:과학",
    (2022, 1, 1): "국어:공통국어1:공통:4 수학:공통수학1:공통:4 영어:공통영어1:공통:4 한국사:한국사1:공통:3 "
    "사회:통합사회1:공통:4 과학:통합과학1:공통:4 과학:과학탐구실험1:과학탐구실험:1 체육:체육1:일반선택:2 "
    "예술:음악:일반선택:2",
    (2022, 1, 2): "국어:공통국어2:공통:4 수학:공통수학2:공통:4 영어:공통영어2:공통:4 한국사:한국사2:공통:3 "
    "사회:통합사회2:공통:4 과학:통합과학2:공통:4 과학:과학탐구실험2:과학탐구실험:1 체육:체육2:일반선택:2 "
    "예술:미술:일반선택:2",
    (2022, 2, 1): "국어:문학:일반선택:4 수학:대수:일반선택:4 영어:영어I:일반선택:4 체육:운동과_건강:진로선택:2 "
    "사회:사회와_문화:일반선택:3:사회 사회:현대사회와_윤리:일반선택:3:사회 과학:물리학:일반선택:3:과학 "
    "과학:화학:일반선택:3:과학 사회:여행지리:융합선택:2",
    (
        2022,
        2,
        2,
    ): "국어:독서와_작문:일반선택:4 수학:미적분I:일반선택:4 영어:영어II:일반선택:4 체육:운동과_건강:진로선택:2 "
    "사회:세계시민과_지리:일반선택:3:사회 사회:세계사:일반선택:3:사회 과학:생명과학:일반선택:3:과학 "
    "과학:지구과학:일반선택:3:과학 과학:기후변화와_환경생태:융합선택:2",
    (2022, 3, 1): "국어:화법과_언어:일반선택:4 수학:확률과_통계:일반선택:4 영어:영어_독해와_작문:일반선택:4 "
    "사회:경제:진로선택:3:사회 과학:역학과_에너지:진로선택:3:과학 수학:실용_통계:융합선택:2",
    (2022, 3, 2): "국어:주제_탐구_독서:진로선택:4 수학:미적분II:진로선택:4:과학 수학:경제_수학:진로선택:4:사회 "
    "영어:심화_영어:진로선택:4 사회:윤리와_사상:진로선택:3:사회 과학:물질과_에너지:진로선택:3:과학 "
    "사회:사회문제_탐구:융합선택:2",
}
_MIDDLE = (
    "국어:국어:공통:4 수학:수학:공통:4 영어:영어:공통:4 사회:사회:공통:3 과학:과학:공통:4 사회:역사:공통:2 "
    "체육:체육:공통:3 예술:음악:공통:2"
)
_FREE_SEMESTER = (1, 1)  # 자유학기: no marks in the first semester of 중1


def _courses(revision: int, high: bool, level: int, semester: int, text: str) -> Iterator[Course]:
    for item in text.split():
        group, subject, kind, credits, *track = item.replace("_", " ").split(":")
        yield Course(revision, high, level, semester, group, subject, kind, int(credits), *track)


COURSES: tuple[Course, ...] = tuple(
    course
    for (revision, level, semester), text in _HIGH.items()
    for course in _courses(revision, True, level, semester, text)
) + tuple(
    course
    for revision in REVISIONS
    for level in (1, 2, 3)
    for semester in (1, 2)
    if (level, semester) != _FREE_SEMESTER
    for course in _courses(revision, False, level, semester, _MIDDLE)
)


@dataclass(frozen=True)
class Curriculum:
    """The curriculum with its keys: every mapping goes from names to a row of the matching id column."""

    revision_ids: pa.StringArray
    group_ids: pa.StringArray
    groups: dict[tuple[int, str], int]
    kind_ids: pa.StringArray
    kinds: dict[tuple[int, str], int]
    subject_ids: pa.StringArray
    subjects: dict[tuple[int, str, str], tuple[int, str]]  # -> row and kind
    level_ids: pa.StringArray  # books 0-2, lectures 3-5, customs 6-8

    @classmethod
    def build(cls, seed: int) -> Curriculum:
        """Return the curriculum with keys drawn from `seed`."""
        rng = stream(seed, Stream.IDS, 1)
        groups = {(r, g): i for i, (r, g) in enumerate((r, g) for r in REVISIONS for g in GROUPS)}
        kinds = {(r, k): i for i, (r, k) in enumerate((r, k) for r in REVISIONS for k in KINDS)}
        names = dict.fromkeys((c.revision, c.group, c.subject) for c in COURSES)
        kind_of = {(c.revision, c.group, c.subject): c.kind for c in reversed(COURSES)}
        subjects = {name: (i, kind_of[name]) for i, name in enumerate(names)}
        return cls(
            revision_ids=uuids(rng, len(REVISIONS)),
            group_ids=uuids(rng, len(groups)),
            groups=groups,
            kind_ids=uuids(rng, len(kinds)),
            kinds=kinds,
            subject_ids=uuids(rng, len(subjects)),
            subjects=subjects,
            level_ids=uuids(rng, 9),
        )

    def tables(self, timeline: Timeline) -> Iterator[tuple[str, pa.Table]]:
        """Yield the curriculum's tables. They are as old as the app: a year before the window."""

        def born(count: int) -> dict[str, pa.Array]:
            at = instants(np.full(count, timeline.now - 550 * 86_400))
            return {"created_at": at, "updated_at": at}

        yield (
            "curriculum_revisions",
            table(
                {
                    "id": self.revision_ids,
                    "name": pa.array([f"{r}개정" for r in REVISIONS]),
                    "year": pa.array(REVISIONS),
                }
                | born(len(REVISIONS))
            ),
        )
        yield (
            "subject_groups",
            table(
                {
                    "id": self.group_ids,
                    "curriculum_revision_id": pick(
                        self.revision_ids, np.array([REVISIONS.index(r) for r, _ in self.groups])
                    ),
                    "name": pa.array([g for _, g in self.groups]),
                    "is_physical_arts": pa.array([g in PHYSICAL_ARTS for _, g in self.groups]),
                }
                | born(len(self.groups))
            ),
        )
        yield (
            "subject_types",
            table(
                {
                    "id": self.kind_ids,
                    "curriculum_revision_id": pick(
                        self.revision_ids, np.array([REVISIONS.index(r) for r, _ in self.kinds])
                    ),
                    "name": pa.array([k for _, k in self.kinds]),
                    "is_achievement_only": pa.array([k == "과학탐구실험" for _, k in self.kinds]),
                }
                | born(len(self.kinds))
            ),
        )
        rows = [(revision, group, name, kind) for (revision, group, name), (_, kind) in self.subjects.items()]
        yield (
            "subjects",
            table(
                {
                    "id": self.subject_ids,
                    "name": pa.array([name for _, _, name, _ in rows]),
                    "subject_group_id": pick(self.group_ids, np.array([self.groups[r, g] for r, g, _, _ in rows])),
                    "subject_type_id": pick(self.kind_ids, np.array([self.kinds[r, k] for r, _, _, k in rows])),
                    "grade_excluded": pa.array([r == 2022 and k == "융합선택" for r, _, _, k in rows]),
                }
                | born(len(rows))
            ),
        )
        yield (
            "difficulty_levels",
            table(
                {
                    "id": self.level_ids,
                    "content_type": pa.array(["book"] * 3 + ["lecture"] * 3 + ["custom"] * 3),
                    "name": pa.array([*LEVELS, *LEVELS, *CUSTOM_LEVELS]),
                    "display_order": pa.array([1, 2, 3] * 3),
                }
                | born(9)
            ),
        )
