"""Academies, students, parents and staff.

Belongs here: who exists and since when. Not here: what students do. Names, phones, addresses and memos are invented;
they are planted so that a leak of personal columns can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from local_supabase.sample.columns import Array, Stream, choose, dates, instants, known, pick, stream, table, uuids
from local_supabase.sample.curriculum import FIRST_YEAR_OF_2022
from local_supabase.sample.settings import SAMPLE
from local_supabase.sample.timeline import DAY, FAR, HOUR, Timeline, kst, school_year

_SURNAMES = ("김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오", "서", "신", "권", "황")
_GIVEN = (
    "가온",
    "나래",
    "다솜",
    "라온",
    "마루",
    "바름",
    "새론",
    "아람",
    "이든",
    "찬솔",
    "하늬",
    "한별",
    "해솔",
    "푸름",
)
_SCHOOLS = ("가람", "누리", "다솔", "라온", "미르", "바다", "새솔", "아라", "자람", "한빛")
_WITHDRAWN_REASONS = ("졸업", "퇴원", "이사", "비용", "프로그램종료", "개인사유", "기타")
_DUMMY = "더미 데이터"


@dataclass(frozen=True)
class Students:
    """The students, one entry per student in every field; `part` cuts the same rows out of all of them."""

    ids: pa.StringArray
    tenant_ids: pa.StringArray
    block_set_ids: pa.StringArray
    tenant: Array  # row of the academy
    high: Array  # 고등학교 (else 중학교)
    level: Array  # 학년 1-3
    revision: Array  # 2015 or 2022
    science: Array  # 과학 계열
    enrolled: Array  # day
    left: Array  # day, FAR when still there
    idle: Array  # never plans anything
    dummy: Array
    traits: pd.DataFrame

    def __len__(self) -> int:
        return len(self.tenant)

    def part(self, first: int, last: int) -> Students:
        """Return the students in rows [first, last)."""
        return replace(self, **{field.name: getattr(self, field.name)[first:last] for field in fields(self)})

    @property
    def created(self) -> Array:
        """Instant at which the student's row was made: the morning of the enrolment."""
        return kst(self.enrolled, 9 * HOUR + (np.arange(len(self)) * 37) % (4 * HOUR))


def tenant_sizes(rng: np.random.Generator, students: int) -> Array:
    """Return the number of students of each academy: uneven, the last one tiny."""
    count = max(SAMPLE.least_academies, round(students / SAMPLE.students_per_academy))
    weights = rng.lognormal(0, 0.7, size=count - 1)
    free = students - SAMPLE.tiny_academy - (count - 1) * SAMPLE.tiny_academy
    sizes = SAMPLE.tiny_academy + 1 + np.floor((free - (count - 1)) * weights / weights.sum()).astype(int)
    sizes[0] += students - SAMPLE.tiny_academy - sizes.sum()
    return np.append(sizes, SAMPLE.tiny_academy)


def students(traits: pd.DataFrame, seed: int, timeline: Timeline) -> tuple[Students, pa.StringArray]:
    """Return the students with these traits, and the ids of their academies."""
    rng = stream(seed, Stream.PEOPLE)
    count = len(traits)
    sizes = tenant_sizes(rng, count)
    tenant_ids = uuids(rng, len(sizes))
    tenant = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    high = rng.random(count) < SAMPLE.high_school
    level = 1 + choose(rng, [0.3, 0.35, 0.35], count)
    entry_year = school_year(timeline.today) - level + 1
    new = rng.random(count) < SAMPLE.newcomers
    enrolled = np.where(
        new,
        timeline.start + (rng.random(count) * (timeline.today - 2 - timeline.start)).astype(int),
        timeline.start - 1 - (rng.random(count) * 500).astype(int),
    )
    earliest = np.maximum(enrolled + 20, timeline.start - 60)
    leaves = (rng.random(count) < SAMPLE.withdrawn) & (earliest < timeline.today - 1)
    left = earliest + (rng.random(count) * (timeline.today - 1 - earliest)).astype(int)
    return Students(
        ids=pa.array(traits["student_id"].to_numpy(dtype=object), pa.string()),
        tenant_ids=pick(tenant_ids, tenant),
        block_set_ids=uuids(rng, count),
        tenant=tenant,
        high=high,
        level=level,
        revision=np.where(entry_year >= FIRST_YEAR_OF_2022, 2022, 2015),
        science=rng.random(count) < 0.5,
        enrolled=enrolled,
        left=np.where(leaves, left, FAR),
        idle=rng.random(count) < SAMPLE.idle,
        dummy=rng.random(count) < SAMPLE.dummies,
        traits=traits,
    ), tenant_ids


def tables(
    people: Students, tenant_ids: pa.StringArray, seed: int, timeline: Timeline
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the tables of academies, profiles, students, parents and staff."""
    rng = stream(seed, Stream.PEOPLE, 1)
    yield "tenants", _tenants(tenant_ids, timeline)
    yield "user_profiles", _profiles(rng, people.ids, people.tenant_ids, "student", people.created)
    yield "students", _students(rng, people, timeline)
    yield from _parents(rng, people)
    yield from _staff(rng, people, tenant_ids, timeline)


def _text(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def _tenants(tenant_ids: pa.StringArray, timeline: Timeline) -> pa.Table:
    rows = np.arange(len(tenant_ids))
    created = instants(np.full(len(rows), timeline.now - 700 * DAY))
    return table(
        {
            "id": tenant_ids,
            "name": _text("표본학원 ", pa.array(rows + 1).cast(pa.string()), "관"),
            "address": _text("서울특별시 가상구 표본로 ", pa.array(rows + 1).cast(pa.string())),
            "representative_phone": "010-0000-0000",
            "qr_code_secret": _text("qr-secret-", pa.array(rows).cast(pa.string())),
            "status": "active",
            "type": "academy",
            "created_at": created,
            "updated_at": created,
        }
    )


def _phones(rng: np.random.Generator, count: int) -> pa.Array:
    digits = pa.array(rng.integers(0, 10_000, size=count)).cast(pa.string())
    return _text("010-0000-", pc.utf8_lpad(digits, 4, "0"))


def _profiles(
    rng: np.random.Generator, ids: pa.Array, tenant_ids: pa.Array, role: str | pa.Array, created: Array
) -> pa.Table:
    count = len(ids)
    name = _text(
        pick(_SURNAMES, rng.integers(0, len(_SURNAMES), count)), pick(_GIVEN, rng.integers(0, len(_GIVEN), count))
    )
    at = instants(created)
    return table(
        {
            "id": ids,
            "tenant_id": tenant_ids,
            "role": role,
            "name": name,
            "email": _text(pc.utf8_slice_codeunits(ids, 0, 8), "@example.com"),
            "phone": _phones(rng, count),
            "created_at": at,
            "updated_at": at,
        }
    )


def _students(rng: np.random.Generator, people: Students, timeline: Timeline) -> pa.Table:
    count = len(people)
    gone = people.left < FAR
    born = school_year(timeline.today) - people.level - np.where(people.high, 15, 12)
    left = np.where(gone, kst(np.where(gone, people.left, 0), 18 * HOUR), 0)
    # These two columns carry no time zone; the app writes now() of a server in UTC.
    updated = np.where(gone, left, people.created)
    return table(
        {
            "id": people.ids,
            "tenant_id": people.tenant_ids,
            "active_block_set_id": people.block_set_ids,
            "grade": people.level,
            "school_type": pick(["MIDDLE", "HIGH"], people.high.astype(int)),
            "division": pick(["중등부", "고등부"], people.high.astype(int)),
            "school_name": _text(
                pick(_SCHOOLS, rng.integers(0, len(_SCHOOLS), count)),
                pick(["중학교", "고등학교"], people.high.astype(int)),
            ),
            "class": pick([f"{n}반" for n in range(1, 11)], rng.integers(0, 10, count)),
            "curriculum_revision": pick(["2015 개정", "2022 개정"], (people.revision == 2022).astype(int)),
            "exam_year": school_year(timeline.today) + np.where(people.high, 4, 7) - people.level,
            "gender": pick(["남", "여"], rng.integers(0, 2, count)),
            "birth_date": dates((born - 1970) * 365.25 + rng.integers(60, 420, count)),
            "enrolled_at": dates(people.enrolled),
            "status": pick(["enrolled", "not_enrolled"], gone.astype(int)),
            "withdrawn_at": instants(left, gone),
            "withdrawn_reason": pick(_WITHDRAWN_REASONS, rng.integers(0, len(_WITHDRAWN_REASONS), count), gone),
            "memo": pick(
                [_DUMMY, "상담 메모: 표본 학생"], (~people.dummy).astype(int), people.dummy | (rng.random(count) < 0.1)
            ),
            "address": _text("서울특별시 가상구 표본로 ", pa.array(rng.integers(1, 500, count)).cast(pa.string())),
            "emergency_contact_phone": _phones(rng, count),
            "medical_info": pick(["특이 사항 없음 (표본)"], np.zeros(count, dtype=int), rng.random(count) < 0.1),
            "created_at": instants(people.created).cast(pa.timestamp("s")),
            "updated_at": instants(updated).cast(pa.timestamp("s")),
        }
    )


def _parents(rng: np.random.Generator, people: Students) -> Iterator[tuple[str, pa.Table]]:
    linked = np.flatnonzero(rng.random(len(people)) < SAMPLE.parents)
    parent_ids = uuids(rng, len(linked))
    tenant_ids = people.tenant_ids.take(pa.array(linked))
    created = people.created[linked] + DAY
    yield "user_profiles", _profiles(rng, parent_ids, tenant_ids, "parent", created)
    yield (
        "parent_student_links",
        table(
            {
                "id": uuids(rng, len(linked)),
                "parent_id": parent_ids,
                "student_id": people.ids.take(pa.array(linked)),
                "relation": pick(["mother", "father", "guardian"], choose(rng, [0.65, 0.3, 0.05], len(linked))),
                "tenant_id": tenant_ids,
                "created_at": instants(created),
            }
        ),
    )


def _staff(
    rng: np.random.Generator, people: Students, tenant_ids: pa.StringArray, timeline: Timeline
) -> Iterator[tuple[str, pa.Table]]:
    consultants = 1 + np.bincount(people.tenant, minlength=len(tenant_ids)) // 100
    tenant = np.concatenate([np.arange(len(tenant_ids)), np.repeat(np.arange(len(tenant_ids)), consultants), [-1]])
    role = np.concatenate([np.zeros(len(tenant_ids)), np.ones(consultants.sum()), [2]]).astype(int)
    ids = uuids(rng, len(tenant))
    staff_tenants = pick(tenant_ids, tenant, tenant >= 0)
    roles = pick(["admin", "consultant", "superadmin"], role)
    created = np.full(len(tenant), timeline.now - 690 * DAY)
    yield "user_profiles", _profiles(rng, ids, staff_tenants, roles, created)
    yield (
        "admin_users",
        table(
            {
                "id": ids,
                "tenant_id": staff_tenants,
                "role": roles,
                "is_owner": role == 0,
                "job_title": known(np.array(["원장", "상담 실장", ""], dtype=object)[role], role < 2),
                "created_at": instants(created),
            }
        ),
    )
