"""The fitted recommender: all the state that scoring needs, as arrays.

Belongs here: fitting, and keeping the result in a folder. Not here: ranking students' candidates with it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from ml_assets.recommender.candidates import Course, Floats, Ints, World
from ml_assets.recommender.config import PRIOR_WEIGHTS, BuilderName, RecommenderConfig
from ml_assets.recommender.histories import Histories, Priors
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.links import LinkBuilder, LinkSums, linked_contents, next_starts, ridge_links, sum_links
from ml_assets.recommender.popularity import count_starts, start_rates, start_shares
from ml_assets.recommender.similarity import SimilarityConfig, build

SCHEMA_VERSION: Final = 3
_ARRAYS, _MANIFEST = "arrays.npz", "manifest.json"

Names = npt.NDArray[np.str_]
Ranking = Literal["personal", "popular_recent"]


class ModelMismatchError(ValueError):
    """An artifact or an input that does not belong to this model; the message says what differs."""


@dataclass(frozen=True)
class CourseModel:
    """State of one course of n contents, f of them linked. `contents` are positions in the catalogue, ascending.

    `rates`, START_HALF_LIVES × contexts + 1 × n: starts per student-day at risk; `shares`, contexts + 1 × n: starts
    lately per student; the last context is for any other. `linked` (f), `bias` (f), `weights` (2f × f): see `links`.
    `next_*` are the pairs of contents (from, to) with enough students who started the second soon after the first, and
    how many these are.

    Per content: `planners`, students who planned it; `planned_items` and `done_items`, their plan items; `completion`,
    the share of these done, shrunk; `recent_starters`, `starters`, `recent_users`, students who started or used it.
    """

    contents: Ints
    rates: Floats
    shares: Floats
    linked: Ints
    bias: Floats
    weights: Floats
    completion: Floats
    planners: Ints
    planned_items: Ints
    done_items: Ints
    recent_starters: Ints
    starters: Ints
    recent_users: Ints
    next_from: Ints
    next_to: Ints
    next_students: Ints


@dataclass(frozen=True)
class Similar:
    """Item-item weights W over the whole catalogue, in order of its ids, and who built them."""

    builder: BuilderName
    weights: csr_array

    @property
    def largest(self) -> float:
        """The largest weight; 1 where there is none."""
        return float(self.weights.data.max(initial=0.0)) or 1.0


@dataclass(frozen=True)
class RecommenderModel:
    """A fitted recommender as of a cut-off.

    `contexts` are (school type, school year level), '' and 0 for unknown; `courses` is keyed by subject group and
    subject, '' for the group alone; `content_ids` are the whole catalogue, in order; `priors` are what students without
    a past are taken for, `term_weights` weigh the terms of a score. `in_use` says which ranking is published (see
    `backtest`).
    """

    as_of: dt.date
    config: RecommenderConfig
    contexts: tuple[tuple[str, int], ...]
    courses: dict[tuple[str, str], CourseModel]
    content_ids: Names
    similar: Similar
    priors: Priors
    term_weights: dict[str, float] = field(default_factory=lambda: dict(PRIOR_WEIGHTS))
    in_use: Ranking = "personal"
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """SHA-256 of everything that decides a score or a row."""
        digest = hashlib.sha256(json.dumps(self._decisive(), sort_keys=True).encode())
        for name, array in sorted(self._arrays().items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def version(self) -> str:
        """Short name of this very model: which ranking it publishes, and the beginning of its hash."""
        return f"recommender-{self.in_use}-{self.content_hash[:12]}"

    def context_of(self, contexts: list[tuple[str, int]]) -> Ints:
        """Rows of `CourseModel.rates` for each given context."""
        return _context_rows(contexts, self.contexts)

    def of_course(self, course: Course, world: World) -> CourseModel:
        """State of `course`. Raises ModelMismatchError when its contents are not those that the model was fitted on."""
        found = self.courses.get(course.name)
        ids = content_ids(world)
        is_same_catalogue = np.array_equal(self.content_ids, ids)
        if found is None or not is_same_catalogue or not np.array_equal(found.contents, course.contents):
            raise ModelMismatchError(
                f"The catalogue has {len(ids)} contents; the model of {self.as_of} knows {len(self.content_ids)}, or "
                f"others, or other courses than {course.name}. Fit again on the present catalogue."
            )
        return found

    def save(self, folder: Path) -> None:
        """Write arrays and manifest into `folder`, which is made when missing."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _ARRAYS).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **self._arrays())
        manifest = {
            **self._decisive(),
            "content_hash": self.content_hash,
            "metrics": self.metrics,
            "libraries": {"numpy": version("numpy"), "scipy": version("scipy")},
        }
        (folder / _MANIFEST).write_text(
            json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> RecommenderModel:
        """Read what `save` wrote. Raises ModelMismatchError for another schema version or a changed file."""
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if manifest["schema_version"] != SCHEMA_VERSION:
            raise ModelMismatchError(
                f"{folder} holds a recommender of schema {manifest['schema_version']}; "
                f"this code reads {SCHEMA_VERSION}. Fit again."
            )
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            courses = {
                (group, subject): CourseModel(
                    **{name: arrays[f"{number}/{name}"] for name in CourseModel.__dataclass_fields__}
                )
                for number, (group, subject) in enumerate(manifest["courses"])
            }
            ids = arrays["content_ids"]
            parts = (arrays["similar/data"], arrays["similar/indices"], arrays["similar/indptr"])
            weights = csr_array(parts, shape=(len(ids), len(ids)))
        model = cls(
            as_of=dt.date.fromisoformat(manifest["as_of"]),
            config=RecommenderConfig(**manifest["config"]),
            contexts=tuple((school_type, level) for school_type, level in manifest["contexts"]),
            courses=courses,
            content_ids=ids,
            similar=Similar(manifest["similar"], weights),
            priors=Priors(**{**manifest["priors"], "type_shares": tuple(manifest["priors"]["type_shares"])}),
            term_weights=manifest["term_weights"],
            in_use=manifest["in_use"],
            metrics=manifest["metrics"],
        )
        if model.content_hash != manifest["content_hash"]:
            raise ModelMismatchError(
                f"{folder} was changed after it was written: its hash is not the one in its manifest. Fit again."
            )
        return model

    def _decisive(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "as_of": self.as_of.isoformat(),
            "config": asdict(self.config),
            "contexts": [list(context) for context in self.contexts],
            "courses": [list(name) for name in self.courses],
            "similar": self.similar.builder,
            "priors": asdict(self.priors),
            "term_weights": self.term_weights,
            "in_use": self.in_use,
        }

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        weights = self.similar.weights
        return {
            "content_ids": self.content_ids,
            **{f"similar/{name}": getattr(weights, name) for name in ("data", "indices", "indptr")},
            **{
                f"{number}/{name}": array
                for number, course in enumerate(self.courses.values())
                for name, array in vars(course).items()
            },
        }


def fit(
    inputs: RecommenderInput,
    config: RecommenderConfig | None = None,
    *,
    builder: LinkBuilder = ridge_links,
) -> RecommenderModel:
    """Fit every course of the catalogue on what was known before `inputs.as_of`, with the terms' prior weights."""
    config = config or RecommenderConfig()
    world = World(inputs)
    contexts = tuple(sorted(set(world.contexts)))
    context = _context_rows(world.contexts, contexts)
    priors = Histories(world, config).priors
    usage = count_usage(world, priors, config)
    with one_thread():
        courses = {
            course.name: _fit_course(course, world, context, len(contexts), usage, config, builder)
            for course in world.courses()
        }
        similar = similar_starts(world, config)
    return RecommenderModel(
        as_of=inputs.as_of,
        config=config,
        contexts=contexts,
        courses=courses,
        content_ids=content_ids(world),
        similar=similar,
        priors=priors,
    )


def content_ids(world: World) -> Names:
    """Ids of the whole catalogue, in order."""
    return world.contents["content_id"].to_numpy(dtype=np.str_)


def similar_starts(world: World, config: RecommenderConfig) -> Similar:
    """Item-item weights of what the learners of `world` have started, by the builder of `config`.

    Only contents that `min_support` students started take part: fewer could be recognised.
    """
    starts = Histories(world, config).started
    is_linked = np.bincount(starts.indices, minlength=starts.shape[1]) >= config.min_support
    is_large = int(is_linked.sum()) > config.max_local_ease
    builder = "shrunk_cosine" if is_large else config.similarity
    linked = np.flatnonzero(is_linked)
    found = build(builder, starts[:, linked], SimilarityConfig()).tocoo()
    places = (linked[found.row], linked[found.col])
    return Similar(builder, csr_array((found.data, places), shape=(starts.shape[1],) * 2))


@dataclass(frozen=True)
class Usage:
    """What became of plans, by content of the catalogue; see `CourseModel`."""

    planners: Ints
    planned_items: Ints
    done_items: Ints
    completion: Floats


def count_usage(world: World, priors: Priors, config: RecommenderConfig) -> Usage:
    """Plans of all learners of `world`; `completion` is shrunk to everybody's by `prior_items`."""
    rows = world.inputs.interactions
    content = world.content_positions(rows["content_id"])
    done, planned = (rows[name].to_numpy(dtype=np.float64) for name in ("done_count", "planned_count"))
    planners, planned_items, done_items = (
        np.bincount(content, weights, len(world.contents)).astype(np.int64) for weights in (planned > 0, planned, done)
    )
    completion = (done_items + config.prior_items * priors.completion) / (planned_items + config.prior_items)
    return Usage(planners, planned_items, done_items, completion)


def one_thread() -> AbstractContextManager[object]:
    """Linear algebra in one thread: the order of its sums, and so the last digits, do not depend on the machine."""
    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def _context_rows(contexts: Sequence[tuple[str, int]], known: Sequence[tuple[str, int]]) -> Ints:
    number = {context: position for position, context in enumerate(known)}
    return np.array([number.get(context, len(known)) for context in contexts], dtype=np.int64)


def _fit_course(
    course: Course,
    world: World,
    context: Ints,
    contexts: int,
    usage: Usage,
    config: RecommenderConfig,
    builder: LinkBuilder,
) -> CourseModel:
    counts = count_starts(course, context[course.learners], contexts, config)
    students = np.bincount(context[world.is_listed], minlength=contexts).astype(np.float64)
    linked = linked_contents(counts.starters, config)
    sums = LinkSums(np.zeros((2 * len(linked) + 1,) * 2), np.zeros((2 * len(linked) + 1, len(linked))))
    for chunk in course.chunks(config.chunk_students):
        sums += sum_links(course.ages(chunk)[:, linked], course.is_member[chunk], config)
    links = builder(sums, config)
    next_from, next_to, next_students = next_starts(course, config)
    return CourseModel(
        contents=course.contents,
        rates=start_rates(counts, config),
        shares=start_shares(counts, students, config),
        linked=linked,
        bias=links.bias,
        weights=links.weights,
        completion=usage.completion[course.contents],
        planners=usage.planners[course.contents],
        planned_items=usage.planned_items[course.contents],
        done_items=usage.done_items[course.contents],
        recent_starters=counts.recent_starters,
        starters=counts.starters,
        recent_users=counts.recent_users,
        next_from=next_from,
        next_to=next_to,
        next_students=next_students,
    )
