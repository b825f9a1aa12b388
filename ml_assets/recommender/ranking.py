"""From a fitted model to ranked candidates, and to the rows that students see.

Belongs here: scores of one course, the order across courses, depth. Not here: fitting, wording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.recommender.candidates import Course, Floats, Ints, World
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.evidence import evidence_for_students
from ml_assets.recommender.histories import Histories
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.model import CourseModel, ModelMismatchError, RecommenderModel, one_thread
from ml_assets.recommender.reasons import explain, find_bases
from ml_assets.recommender.reranking import rerank
from ml_assets.recommender.terms import TERMS, View, cohort_share, similar_starts, studies_subject
from ml_assets.recommender.weights import Choices

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
        "completion": pd.Series(dtype="float64"),
        "planners": pd.Series(dtype="int64"),
        "planned_items": pd.Series(dtype="int64"),
        "done_items": pd.Series(dtype="int64"),
        "starters": pd.Series(dtype="int64"),
        "recent_starters": pd.Series(dtype="int64"),
        "base": pd.Series(dtype="int64"),
        "base_students": pd.Series(dtype="int64"),
        "next_students": pd.Series(dtype="int64"),
    }
)

Scorer = Callable[[View, RecommenderModel], Floats]
"""Log scores, learners × contents of a course."""


def personal(view: View, model: RecommenderModel) -> Floats:
    """Weighted sum of the terms: the log of how likely each content is to be chosen, but for a constant."""
    score = np.zeros(view.shape)
    for name, term in TERMS.items():
        if model.term_weights[name]:
            score += model.term_weights[name] * term(view)
    return score


def by_count(name: str) -> Scorer:
    """Baseline that ranks contents for everybody alike, by a count of students that `CourseModel` has under `name`."""

    def score(view: View, _model: RecommenderModel) -> Floats:
        return studied_first(view, np.log(getattr(view.state, name) + 0.5))

    return score


def studied_first(view: View, score: Floats) -> Floats:
    """`score` with the contents of a subject that the student studies before those of others of its group.

    Popularity is the better for it, by far where a group holds many courses of which a student takes one (OULAD).
    """
    return score + 100.0 * studies_subject(view)


def popular_in_year(view: View, _model: RecommenderModel) -> Floats:
    """Baseline: starts lately by students of the same school type and year."""
    return studied_first(view, cohort_share(view))


def item_knn(view: View, _model: RecommenderModel) -> Floats:
    """Baseline: x · W alone, ties by how many ever started it. With the W of `shrunk_cosine` it is item-kNN."""
    score: Floats = similar_starts(view) + 1e-6 * np.log(view.state.starters + 0.5)
    return score


BASELINES: Final[dict[str, Scorer]] = {
    "popular_recent": by_count("recent_users"),
    "popular_recent_starts": by_count("recent_starters"),
    "popular_in_year": popular_in_year,
    "popular_all": by_count("starters"),
    "item_knn": item_knn,
}
"""Students of the course who, within `recent_days`, used a content or started it; and who ever did; and neighbours."""

_SOURCES: Final[dict[Scorer, str]] = {
    personal: "personal",
    popular_in_year: "holdout",
    BASELINES["popular_recent"]: "popular_recent",
}


def rank(
    model: RecommenderModel, inputs: RecommenderInput, scorer: Scorer = personal, *, reranked: bool = False
) -> pd.DataFrame:
    """Ranked candidates (student_id, content_id, rank from 1) of every student, by any scorer; `reranked` or as scored.

    Raises ModelMismatchError when `model` knows what `inputs` may not, or was fitted on another catalogue.
    """
    world = World(inputs)
    ranked = _rank(model, world, Histories(world, model.config, model.priors), scorer, reranked=reranked)
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
    the student's best candidate: 1 for that one, 0 to 1 for the rest; not comparable between students.

    `source` says what a list is made of. "personal": the student's own past; "short_history": the same with fewer than
    `short_history` starts, which are shrunk to what all do; "cohort": no start yet, so what others start; "holdout":
    what the student's year starts, for the `holdout_share` of students whom the others are compared with;
    "popular_recent": the baseline, where the model did not beat it (then for everybody, and nobody is held out).

    `reasons` is a JSON list of {"code", "params"}, most informative first, `reasoning` the first two of them in Korean.
    A student alone gets the same rows as in a batch. Raises ModelMismatchError as `rank` does.
    """
    if model.in_use == "popular_recent":
        return _describe_all(model, inputs, BASELINES["popular_recent"], reranked=False)
    ids = inputs.students["student_id"]
    held_out = is_held_out(ids, model.config.holdout_share)
    lists = [_describe_all(model, inputs.of_students(ids[~held_out]), personal, reranked=True)]
    if held_out.any():
        lists.append(_describe_all(model, inputs.of_students(ids[held_out]), popular_in_year, reranked=False))
    rows = pd.concat(lists, ignore_index=True)
    return rows.sort_values(["student_id", "rank"], kind="stable", ignore_index=True)


def is_held_out(student_ids: pd.Series[str], share: float) -> npt.NDArray[np.bool_]:
    """Which students get the list of their year: by a hash of the id, so the same ones in every run."""
    places = pd.util.hash_array(student_ids.to_numpy(dtype=object), categorize=False) / 2.0**64
    held_out: npt.NDArray[np.bool_] = places < share
    return held_out


def _describe_all(model: RecommenderModel, inputs: RecommenderInput, scorer: Scorer, *, reranked: bool) -> pd.DataFrame:
    world = World(inputs)
    histories = Histories(world, model.config, model.priors)
    ranked = _rank(model, world, histories, scorer, reranked=reranked)
    student = world.learner_ids.to_numpy()[ranked["owner"]]
    rows = describe(ranked, evidence_for_students(ranked, world, histories), world, model.config)
    rows["student_id"] = student
    rows["tenant_id"] = inputs.students.set_index("student_id")["tenant_id"].reindex(student).to_numpy()
    rows[["rank", "subject_rank"]] = ranked[["rank", "subject_rank"]]
    rows["score"] = relative_scores(ranked, ["owner"])
    rows["source"] = _SOURCES[scorer]
    if scorer is personal:
        starts = histories.start_counts[ranked["owner"]]
        rows["source"] = np.select(
            [starts == 0, starts < model.config.short_history], ["cohort", "short_history"], "personal"
        )
    return rows[COLUMNS].astype(dict.fromkeys(("student_id", "tenant_id", "source"), "str"))


def choices_of(model: RecommenderModel, inputs: RecommenderInput, chosen: pd.DataFrame) -> Choices:
    """All candidates of the students of `inputs` with their terms, and which of them are in `chosen`."""
    world = World(inputs)
    pairs = pd.MultiIndex.from_arrays(
        [world.learner_positions(chosen["student_id"]), world.content_positions(chosen["content_id"])]
    )
    owners, contents, terms = [], [], []
    with one_thread():
        for view in views(model, world, Histories(world, model.config, model.priors)):
            row, column = np.nonzero(view.candidates)
            owners.append(view.learners[row])
            contents.append(view.course.contents[column])
            terms.append(np.column_stack([term(view)[row, column] for term in TERMS.values()]))
    owner = np.concatenate([np.zeros(0, dtype=np.int64), *owners])
    content = np.concatenate([np.zeros(0, dtype=np.int64), *contents])
    order = np.lexsort((content, owner))
    return Choices(
        names=tuple(TERMS),
        owner=owner[order],
        terms=np.concatenate([np.zeros((0, len(TERMS))), *terms])[order],
        chosen=pd.MultiIndex.from_arrays([owner, content]).isin(pairs)[order],
    )


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
            "completion": state.completion[column],
            "planners": state.planners[column],
            "planned_items": state.planned_items[column],
            "done_items": state.done_items[column],
            "starters": state.starters[column],
            "recent_starters": state.recent_starters[column],
            "base": np.where(base >= 0, course.contents[base], -1),
            "base_students": np.where(base >= 0, state.starters[base], 0),
            "next_students": next_students,
        }
    )


def in_order(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """`parts` of all courses by owner, score and content."""
    ranked = pd.concat([_NOTHING, *parts], ignore_index=True)
    order = np.lexsort((ranked["content"], -ranked["score"], ranked["owner"]))
    return ranked.iloc[order].reset_index(drop=True)


def numbered(ranked: pd.DataFrame) -> pd.DataFrame:
    """`ranked` with `rank` and `subject_rank` from 1, in the order of its rows."""
    ranked["rank"] = ranked.groupby("owner").cumcount() + 1
    ranked["subject_rank"] = ranked.groupby(["owner", "subject_group"]).cumcount() + 1
    return ranked


def relative_scores(ranked: pd.DataFrame, within: list[str]) -> Floats:
    """Scores (no longer log) relative to the best of each list, 0 to 1."""
    best = ranked.groupby(within)["score"].transform("max")
    relative: Floats = np.round(np.exp((ranked["score"] - best).to_numpy(dtype=np.float64)), 6)
    return relative


def describe(ranked: pd.DataFrame, evidence: pd.DataFrame, world: World, config: RecommenderConfig) -> pd.DataFrame:
    """Content and reasons of each row of `ranked`."""
    contents = world.contents.iloc[ranked["content"]].reset_index(drop=True)
    return contents[["content_type", "content_id", "subject_group", "subject_id"]].join(explain(evidence, config))


def views(model: RecommenderModel, world: World, histories: Histories) -> Iterator[View]:
    """All learners of all courses, a chunk at a time. Raises ModelMismatchError as `courses_of` does."""
    context = model.context_of(world.contexts)
    for course, state in courses_of(model, world):
        for chunk in course.chunks(model.config.chunk_students):
            yield View(state, course, chunk, context[course.learners[chunk]], histories, model.similar, model.config)


def _rank(
    model: RecommenderModel, world: World, histories: Histories, scorer: Scorer, *, reranked: bool
) -> pd.DataFrame:
    config = model.config
    parts = []
    with one_thread():
        for view in views(model, world, histories):
            scores = np.where(view.candidates, scorer(view, model), -np.inf)
            parts.append(
                best_of_course(scores, view.learners, view.ages, view.course, view.state, config.top_n, config)
            )
    ranked = in_order(parts)
    if reranked:
        ranked = rerank(ranked.assign(group=world.group_of_content[ranked["content"]]), histories, config)
    ranked = numbered(ranked)
    kept = ranked[(ranked["rank"] <= config.top_n) | (ranked["subject_rank"] <= config.per_subject_group)]
    return kept.reset_index(drop=True).assign(rank=lambda rows: rows.groupby("owner").cumcount() + 1)
