"""Random worlds: every kind of restriction, subject, plan and gap, small enough to check by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from tests.ml_assets.worlds import World

random_worlds = settings(max_examples=15, deadline=None, derandomize=True)
"""A world is fitted in a tenth of a second, so few of them, and the same ones on every machine."""

_maybe_type = st.sampled_from([None, None, "HIGH", "MIDDLE"])
_maybe_level = st.sampled_from([None, 1, 2, 3])
_maybe_revision = st.sampled_from([None, 2015, 2022])
_groups = st.sampled_from(["국어", "수학"])
_subjects = st.sampled_from([None, "가", "나"])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World()
    for number in range(draw(st.integers(1, 7))):
        subjects = draw(st.sets(st.tuples(_groups, _subjects), max_size=3))
        world.student(
            f"s{number}",
            *sorted(subjects, key=str),
            tenant_id=draw(st.sampled_from(["t1", "t2"])),
            school_type=draw(_maybe_type),
            school_year_level=draw(_maybe_level),
            curriculum_revision=draw(_maybe_revision),
        )
    for number in range(draw(st.integers(0, 8))):
        low = draw(_maybe_level)
        world.content(
            f"c{number}",
            draw(st.sampled_from([None, "국어", "수학", "수학"])),
            draw(_subjects),
            content_type=draw(st.sampled_from(["book", "lecture", "custom"])),
            tenant_id=draw(st.sampled_from([None, None, "t1", "t2"])),
            is_active=draw(st.sampled_from([True, True, True, False])),
            school_type=draw(_maybe_type),
            school_year_min=low,
            school_year_max=draw(st.sampled_from([None, 3])) if low else draw(_maybe_level),
            curriculum_revision=draw(_maybe_revision),
            difficulty_level=draw(st.sampled_from([None, 1, 2, 2, 3])),
            title_stem=draw(st.sampled_from([None, "하나", "둘"])),
            volume_number=draw(st.sampled_from([None, 1, 2, 3])),
        )
    # s8 and s9 have left: their rows remain.
    who = [*(row["student_id"] for row in world.students), "s8", "s9"]
    what = [row["content_id"] for row in world.contents]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    for student, content in product(who, what):
        if rng.random() < 0.5:
            world.uses += [(student, content, int(age)) for age in rng.integers(1, 45, rng.integers(1, 4))]
        elif rng.random() < 0.2:
            world.shelf.append((student, content))
        if rng.random() < 0.1:
            world.prerequisites.append(("t1", content, what[rng.integers(len(what))]))
    world.prerequisites = sorted(set(world.prerequisites))
    for student, group in product(who, ["국어", "수학", "음악"]):
        if rng.random() < 0.5:
            world.standings.append((student, group, float(rng.uniform(0, 100)), bool(rng.random() < 0.5)))
    return world
