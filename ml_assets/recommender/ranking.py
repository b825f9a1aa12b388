"""From a fitted model to ranked candidates, and to the rows that students see.

Belongs here: scores of one course, the order across courses, depth. Not here: fitting, wording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.recommender.candidates import Course, Floats, Ints, World
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.links import history
from ml_assets.recommender.model import CourseModel, ModelMismatchError, Ranking, RecommenderModel, one_thread
from ml_assets.recommender.reasons import AlwaysTrue, explain, find_bases

COLUMNS: Final = [
    "student_id",
    "tenant_id",
    "rank",
    "content_type",
    "content_id",
    "subject_group",
    "subject_id",
    "subject_rank",
    "score",
    "reasons",
    "reasoning",
    "source",
]

_NOTHING: Final = pd.DataFrame(
    {
        "owner": pd.Series(dtype="int64"),
        "content": pd.Series(dtype="int64"),
        "score": pd.Series(dtype="float64"),
        "subject_group": pd.Series(dtype="str"),
        "recent_starters": pd.Series(dtype="int64"),
        "base": pd.Series(dtype="int64"),
        "base_students": pd.Series(dtype="int64"),
        "next_students": pd.Series(dtype="int64"),
    }
)

Scorer = Callable[[CourseModel, Floats, Ints, RecommenderConfig], Floats]
"""Log scores, students × contents of a course, from the days since each start and the student's row of `rates`."""


def personal(course: CourseModel, ages: Floats, context: Ints, config: RecommenderConfig) -> Floats:
    """Log-linear blend of how often a content is started just now and what the student's own history leads to."""
    chance = np.full(ages.shape, config.link_floor)
    linked = course.bias + history(ages[:, course.linked], config) @ course.weights
    chance[:, course.linked] = np.maximum(linked, config.link_floor)
    popularity = np.log(course.rates[context] + config.rate_floor)
    blend: Floats = (1.0 - config.link_weight) * popularity + config.link_weight * np.log(chance)
    return blend


def by_count(name: str) -> Scorer:
    """Baseline that ranks contents for everybody alike, by a count of students that `CourseModel` has under `name`."""

    def score(course: CourseModel, ages: Floats, _context: Ints, _config: RecommenderConfig) -> Floats:
        return np.broadcast_to(np.log(getattr(course, name) + 0.5), ages.shape)

    return score


BASELINES: Final[dict[str, Scorer]] = {
    "popular_recent": by_count("recent_users"),
    "popular_recent_starts": by_count("recent_starters"),
    "popular_all": by_count("starters"),
}
"""Students of the course who, within `recent_days`, used a content or started it; and who ever did."""

_PUBLISHED: Final[dict[Ranking, Scorer]] = {"personal": personal, "popular_recent": BASELINES["popular_recent"]}


def rank(model: RecommenderModel, inputs: RecommenderInput, scorer: Scorer = personal) -> pd.DataFrame:
    """Ranked candidates (student_id, content_id, rank from 1) of every student, by any scorer.

    Raises ModelMismatchError when `model` knows what `inputs` may not, or was fitted on another catalogue.
    """
    world = World(inputs)
    ranked = _rank(model, world, scorer)
    return pd.DataFrame(
        {
            "student_id": world.learner_ids.to_numpy()[ranked["owner"]],
            "content_id": world.contents["content_id"].to_numpy()[ranked["content"]],
            "rank": ranked["rank"].to_numpy(),
        }
    ).astype({"student_id": "str", "content_id": "str"})


def recommend(model: RecommenderModel, inputs: RecommenderInput) -> pd.DataFrame:
    """What each student may start next: `COLUMNS`, ordered by student and rank.

    The first `top_n` candidates of a student, and more where a subject group would have fewer than `per_subject_group`;
    `rank` runs from 1 without gaps, `subject_rank` likewise within a subject group. `score` is the estimate relative to
    the student's best candidate: 1 for that one, 0 to 1 for the rest; not comparable between students. `source` is the
    ranking in use; where that is "personal", "cohort" marks a student who has started nothing yet and gets what others
    start.

    `reasons` is a JSON list of {"code", "params"}, most informative first, `reasoning` the first two of them in Korean.
    A student alone gets the same rows as in a batch. Raises ModelMismatchError as `rank` does.
    """
    world = World(inputs)
    ranked = _rank(model, world, _PUBLISHED[model.in_use])
    student = world.learner_ids.to_numpy()[ranked["owner"]]
    source: npt.NDArray[Any] = np.full(len(ranked), model.in_use, dtype=object)
    if model.in_use == "personal":
        started = inputs.interactions.dropna(subset=["first_done_date"])["student_id"]
        source[~world.learner_ids.isin(started)[ranked["owner"]]] = "cohort"
    rows = describe(ranked, world, "studying", model.config)
    rows["student_id"] = student
    rows["tenant_id"] = inputs.students.set_index("student_id")["tenant_id"].reindex(student).to_numpy()
    rows[["rank", "subject_rank"]] = ranked[["rank", "subject_rank"]]
    rows["score"] = relative_scores(ranked, ["owner"])
    rows["source"] = source
    return rows[COLUMNS].astype(dict.fromkeys(("student_id", "tenant_id", "source"), "str"))


def courses_of(model: RecommenderModel, world: World) -> Iterator[tuple[Course, CourseModel]]:
    """Each course of `world` with its state. Raises ModelMismatchError where model and input do not belong together."""
    if world.inputs.as_of < model.as_of:
        raise ModelMismatchError(f"The model of {model.as_of} knows what was not known on {world.inputs.as_of}.")
    return ((course, model.of_course(course, world)) for course in world.courses())


def best_of_course(
    scores: Floats,
    owners: Ints,
    ages: Floats,
    course: Course,
    state: CourseModel,
    depth: int,
    config: RecommenderConfig,
) -> pd.DataFrame:
    """The `depth` best contents for each row of `scores` (owners × contents, minus infinity: no candidate).

    `content` and `base` are positions in `World.contents`; `base`, `base_students` and `next_students` are what
    `find_bases` says of `ages` (owners × contents). Ties go to the smaller id.
    """
    rounded = np.round(scores, config.score_decimals)
    order = np.argsort(-rounded, axis=1, kind="stable")[:, :depth]
    row, place = np.nonzero(np.isfinite(np.take_along_axis(rounded, order, axis=1)))
    column = order[row, place]
    base, next_students = find_bases(state, ages, row, column, config)
    return pd.DataFrame(
        {
            "owner": owners[row],
            "content": course.contents[column],
            "score": rounded[row, column],
            "subject_group": course.subject_group,
            "recent_starters": state.recent_starters[column],
            "base": np.where(base >= 0, course.contents[base], -1),
            "base_students": np.where(base >= 0, state.starters[base], 0),
            "next_students": next_students,
        }
    )


def in_order(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """`parts` of all courses by owner, score and content, with `rank` and `subject_rank` from 1."""
    ranked = pd.concat([_NOTHING, *parts], ignore_index=True)
    ranked = ranked.iloc[np.lexsort((ranked["content"], -ranked["score"], ranked["owner"]))].reset_index(drop=True)
    ranked["rank"] = ranked.groupby("owner").cumcount() + 1
    ranked["subject_rank"] = ranked.groupby(["owner", "subject_group"]).cumcount() + 1
    return ranked


def relative_scores(ranked: pd.DataFrame, within: list[str]) -> Floats:
    """Scores (no longer log) relative to the best of each list, 0 to 1."""
    best = ranked.groupby(within)["score"].transform("max")
    relative: Floats = np.round(np.exp((ranked["score"] - best).to_numpy(dtype=np.float64)), 6)
    return relative


def describe(ranked: pd.DataFrame, world: World, always: AlwaysTrue, config: RecommenderConfig) -> pd.DataFrame:
    """Content, rank within the subject group, and reasons of each row of `ranked`."""
    contents = world.contents.iloc[ranked["content"]].reset_index(drop=True)
    bases = world.contents.reindex(ranked["base"]).reset_index(drop=True)
    evidence = pd.DataFrame(
        {
            "subject_group": contents["subject_group"],
            "content_type": contents["content_type"],
            "recent_starters": ranked["recent_starters"],
            "base_content_id": bases["content_id"],
            "base_content_type": bases["content_type"],
            "base_students": ranked["base_students"],
            "next_students": ranked["next_students"],
        }
    )
    return contents[["content_type", "content_id", "subject_group", "subject_id"]].join(
        explain(evidence, always, config)
    )


def _rank(model: RecommenderModel, world: World, scorer: Scorer) -> pd.DataFrame:
    config = model.config
    context = model.context_of(world.contexts)
    parts = []
    with one_thread():
        for course, state in courses_of(model, world):
            for chunk in course.chunks(config.chunk_students):
                learners, ages = course.learners[chunk], course.ages(chunk)
                is_new = course.is_member[chunk][:, None] & ~course.known(chunk)
                is_candidate = is_new & world.eligible(world.learners[learners], course.contents)
                scores = np.where(is_candidate, scorer(state, ages, context[learners], config), -np.inf)
                parts.append(best_of_course(scores, learners, ages, course, state, config.top_n, config))
    ranked = in_order(parts)
    kept = ranked[(ranked["rank"] <= config.top_n) | (ranked["subject_rank"] <= config.per_subject_group)]
    return kept.reset_index(drop=True).assign(rank=lambda rows: rows.groupby("owner").cumcount() + 1)
