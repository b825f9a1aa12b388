"""What each student is really like. Never written to the database: later work tries to recover it.

Belongs here: the hidden traits and nothing that depends on the day. Not here: what follows from them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from local_supabase.sample.columns import Array, Stream, choose, stream, uuids
from local_supabase.sample.curriculum import STUDIED
from local_supabase.sample.settings import SAMPLE

# (name, first hour, hour after the last, share of students); the names are those of student_learning_patterns.
SLOTS = (
    ("early_morning", 5, 8, 0.05),
    ("morning", 8, 12, 0.12),
    ("afternoon", 12, 17, 0.23),
    ("evening", 17, 21, 0.38),
    ("night", 21, 24, 0.22),
)
LINES = ("한결", "오름", "새벽빛", "다온", "가람", "마루")  # invented publishers' lines; taste is for a line
# Share of study by 교과 before a student's own leaning: 국 수 영 carry most of the plans.
_SUBJECT_SHARES = np.array([0.20, 0.32, 0.22, 0.11, 0.12, 0.03])


def hidden_traits(students: int, seed: int) -> pd.DataFrame:
    """Return one row per student, in the order of generation, with `student_id` as in the database.

    `ability_<교과>` and its monthly `trend_<교과>` are in standard deviations of the population; `diligence`,
    `lift_<교과>` and `weekday_lift_<0=Sunday>` are logits of completing a plan; `weekday_share_<n>` and
    `share_<교과>` sum to 1; `pace` multiplies the minutes a plan takes (above 1 is slower); `taste_<line>` and
    `lecture_preference` are utilities of choice; `timer_share` is the probability of timing a study.
    """
    rng = stream(seed, Stream.TRAITS)
    groups = len(STUDIED)
    general = rng.normal(size=(students, 1))
    ability = 0.72 * general + 0.55 * rng.normal(size=(students, groups))
    rows = np.arange(students)
    # The four 교과 that everyone studies decide what is weak and what is strong; the rest would be noise.
    order = rng.permuted(np.tile(np.arange(4), (students, 1)), axis=1)
    weak, strong = order[:, 0], order[:, 1]
    ability[rows, weak] -= 0.8
    ability[rows, strong] += 0.8

    slot = choose(rng, [share for *_, share in SLOTS], students)
    first = np.array([low for _, low, _, _ in SLOTS])[slot]
    last = np.array([high for _, _, high, _ in SLOTS])[slot]
    weekday_share = rng.dirichlet(np.full(7, 6.0), size=students)
    leaning = rng.normal(0.25, 0.5, size=students)  # above 0: works on the weak 교과; below: avoids it
    share = _SUBJECT_SHARES * rng.lognormal(0, 0.3, size=(students, groups))
    share[rows, weak] *= np.exp(leaning)
    share /= share.sum(axis=1, keepdims=True)

    columns: dict[str, Array] = {
        "student_id": np.asarray(uuids(stream(seed, Stream.IDS), students).to_pylist(), dtype=object),
        "weak_subject": np.array(STUDIED)[weak],
        "strong_subject": np.array(STUDIED)[strong],
        "diligence": rng.normal(0.75, 0.9, size=students),
        "drift": rng.normal(0, 0.02, size=students),  # logit per week: tiring or picking up
        "slot": np.array([name for name, *_ in SLOTS])[slot],
        "peak_hour": first + (rng.random(students) * (last - first)).astype(int),
        "plans_per_week": SAMPLE.plans_per_week * rng.lognormal(0, SAMPLE.plans_per_week_spread, size=students),
        "pace": rng.lognormal(0, 0.2, size=students),
        "lecture_preference": rng.normal(-0.2, 0.9, size=students),
        "timer_share": rng.beta(2.0, 1.4, size=students),
    }
    lift = rng.normal(0, 0.35, size=(students, groups)) + 0.25 * ability
    trend = rng.normal(0, 0.03, size=(students, groups))
    taste = rng.normal(size=(students, len(LINES)))
    weekday_lift = rng.normal(0, 0.45, size=(students, 7))
    for prefix, names, values in (
        ("ability", STUDIED, ability),
        ("trend", STUDIED, trend),
        ("lift", STUDIED, lift),
        ("share", STUDIED, share),
        ("taste", LINES, taste),
        ("weekday_share", range(7), weekday_share),
        ("weekday_lift", range(7), weekday_lift),
    ):
        columns |= {f"{prefix}_{name}": values[:, i] for i, name in enumerate(names)}
    return pd.DataFrame(columns)


def block(traits: pd.DataFrame, prefix: str) -> Array:
    """Return the columns `<prefix>_…` as a matrix, students down."""
    return traits[[name for name in traits.columns if name.startswith(f"{prefix}_")]].to_numpy()
