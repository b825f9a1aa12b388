"""The recommender beside its rivals: how well the builders of item-item weights rank, and how fast all of it is.

Run with `make bench-recommender`, which brings what the project itself does not need: implicit (ALS, the rival),
sparse_dot_topn (sparse products that keep the largest) and recbole (for MovieLens 100k, which its wheel carries for
research use; no data goes into the project). Where implicit or recbole is absent, their rows are.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import itertools
import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array, csr_matrix, eye_array
from sparse_dot_topn import sp_matmul_topn

from ml_assets.evaluation.ranking import evaluate_rankings
from ml_assets.recommender.backtest import fit_weighed, new_pairs
from ml_assets.recommender.candidates import World
from ml_assets.recommender.config import BuilderName, RecommenderConfig
from ml_assets.recommender.histories import Histories
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.model import RecommenderModel, fit
from ml_assets.recommender.ranking import BASELINES, Scorer, rank, recommend, studied_first
from ml_assets.recommender.similarity import SimilarityConfig, build
from ml_assets.recommender.terms import View
from orchestration.backtest import read_both_sides
from orchestration.cutoff import Cutoff
from orchestration.database import database_url
from orchestration.settings import load_settings

DEPTH: Final = 20
SEED: Final = 20261123
CORES: Final = os.cpu_count() or 1

# What is tried on the second-last interaction of each user; the best is fitted again with it and read on the last.
GRIDS: Final[dict[BuilderName, dict[str, list[float]]]] = {
    "shrunk_cosine": {"neighbours": [100, 200], "cosine_power": [0.4, 0.5, 0.6], "cosine_shrink": [10.0]},
    "rp3beta": {"neighbours": [200], "walk_popularity": [0.2, 0.4, 0.6]},
    "ease": {"neighbours": [2000], "ridge": [100.0, 200.0, 400.0, 800.0]},
    "local_ease": {"neighbours": [100, 200], "ridge": [50.0, 100.0, 200.0]},
}
ALS_GRID: Final = {"factors": [32, 64], "regularization": [1.0, 5.0, 20.0], "alpha": [1.0, 5.0]}


def accuracy() -> dict[str, Any]:
    """NDCG@20 and recall@20 on MovieLens 100k, last interaction of each user by time, all items ranked."""
    ratings = _movielens()
    if ratings is None:
        return {"skipped": "recbole, whose wheel carries MovieLens 100k, is not installed"}
    order = ratings.sort_values(["user", "timestamp"], kind="stable")
    place = order.groupby("user").cumcount(ascending=False).to_numpy()
    parts = {"test": order[place == 0], "valid": order[place == 1]}
    train, both = order[place > 1], order[place > 0]
    found: dict[str, Any] = {"popularity": _figures(_popular(both), parts["test"])}
    for name, grid in GRIDS.items():

        def ranked(rows: pd.DataFrame, values: dict[str, Any], name: BuilderName = name) -> pd.DataFrame:
            starts = _matrix(rows)
            return _frame(*top_n(starts, build(name, starts, SimilarityConfig(**values)), DEPTH))

        found[name] = _tuned(ranked, grid, train, parts["valid"], both, parts["test"])
    if importlib.util.find_spec("implicit"):
        found["implicit ALS"] = _tuned(_als_lists, ALS_GRID, train, parts["valid"], both, parts["test"])
    return found


def top_n(starts: csr_array, weights: csr_array, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The `n` best contents that each student has not started, and their scores, best first; -1 and 0 for none."""
    # What is started is pushed below every candidate by the diagonal of W, which is otherwise 0.
    own = csr_matrix(weights - 1e6 * eye_array(weights.shape[0], dtype=np.float32, format="csr"))
    found = sp_matmul_topn(csr_matrix(starts), own, top_n=n, threshold=0.0, sort=True, n_threads=CORES)
    best, scores = np.full((starts.shape[0], n), -1, dtype=np.int64), np.zeros((starts.shape[0], n), dtype=np.float32)
    has = np.arange(n) < np.diff(found.indptr)[:, None]
    best[has], scores[has] = found.indices, found.data
    return best, scores


def _tuned(
    lists: Callable[[pd.DataFrame, dict[str, Any]], pd.DataFrame],
    grid: dict[str, list[Any]],
    train: pd.DataFrame,
    valid: pd.DataFrame,
    both: pd.DataFrame,
    test: pd.DataFrame,
) -> dict[str, Any]:
    choices = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    best = max(choices, key=lambda values: _figures(lists(train, values), valid)["ndcg_at_20"])
    started = time.perf_counter()
    ranked = lists(both, best)
    return {**_figures(ranked, test), "seconds": round(time.perf_counter() - started, 2), "settings": best}


def rivals(days: list[str]) -> dict[str, Any]:
    """Ours, the baselines and ALS over the same students, candidates and truth, on the database of TLU_HOME."""
    settings = load_settings()
    url = database_url(settings)
    found: dict[str, Any] = {}
    for day in days:
        sides = read_both_sides(settings, url, Cutoff.parse(day))
        inputs = sides.inputs
        truth = new_pairs(inputs, sides.started)
        model = fit_weighed(inputs, RecommenderConfig())
        lists = {"ours": rank(model, inputs, reranked=True)}
        lists |= {name: rank(model, inputs, scorer) for name, scorer in BASELINES.items()}
        if importlib.util.find_spec("implicit"):
            lists["implicit ALS"] = rank(model, inputs, _als_scorer(inputs))
        metrics = {name: evaluate_rankings(ranked, truth, DEPTH) for name, ranked in lists.items()}
        found[day] = {
            name: {"ndcg_at_20": round(of.ndcg_at_k, 4), "recall_at_20": round(of.recall_at_k, 4)}
            for name, of in metrics.items()
        }
    return found


def _als_scorer(inputs: RecommenderInput) -> Scorer:
    """ALS on who has started what, what the student studies first, as with the baselines."""
    model = _als(csr_matrix(Histories(World(inputs), RecommenderConfig()).started.astype(np.float32)))

    def score(view: View, _model: RecommenderModel) -> npt.NDArray[np.float64]:
        found = model.user_factors[view.learners] @ model.item_factors[view.course.contents].T
        return studied_first(view, found.astype(np.float64))

    return score


def _als_lists(rows: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    starts = csr_matrix(_matrix(rows))
    best, scores = _als(starts, **values).recommend(
        np.arange(starts.shape[0]), starts, N=DEPTH, filter_already_liked_items=True
    )
    return _frame(best.astype(np.int64), scores)


def _als(starts: csr_matrix, **settings: Any) -> Any:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(**{"factors": 64, "iterations": 15, "random_state": SEED} | settings)
    model.fit(starts, show_progress=False)
    return model


def speed(students: int, contents: int, starts: int, *, with_als: bool) -> dict[str, Any]:
    """Seconds to fit and to score everybody's first 50, for W and for ALS on the same matrix."""
    x = synthetic_starts(students, contents, starts)
    found: dict[str, Any] = {"students": students, "contents": contents, "starts": int(x.nnz)}
    for name in ("shrunk_cosine", "local_ease"):
        with timed() as fitting:
            weights = build(name, x, SimilarityConfig(neighbours=100))
        with timed() as scoring:
            top_n(x, weights, 50)
        found[name] = {"fit": fitting(), "score": scoring()}
    if with_als and importlib.util.find_spec("implicit"):
        matrix = csr_matrix(x)
        with timed() as fitting:
            model = _als(matrix)
        with timed() as scoring:
            for low in range(0, students, 10_000):
                chosen = np.arange(low, min(low + 10_000, students))
                model.recommend(chosen, matrix[chosen], N=50, filter_already_liked_items=True)
        found["implicit ALS, 64 factors, 15 iterations"] = {"fit": fitting(), "score": scoring()}
    found["peak memory so far, GB"] = _peak()
    return found


def whole(students: int, contents: int, starts: int) -> dict[str, Any]:
    """The same for the whole recommender: features in, lists with reasons out, students in parts of 20 000."""
    inputs = synthetic_input(students, contents, starts)
    with timed() as fitting:
        model = fit(inputs, RecommenderConfig())
    ids = inputs.students["student_id"].to_numpy()
    rows = 0
    with timed() as scoring:
        for low in range(0, len(ids), 20_000):
            rows += len(recommend(model, inputs.of_students(ids[low : low + 20_000])))
    return {
        "students": students,
        "contents": contents,
        "starts": len(inputs.interactions),
        "rows with reasons": rows,
        "fit": fitting(),
        "score": scoring(),
        "peak memory so far, GB": _peak(),
    }


GROUPS: Final = 10
SUBJECTS_OF_STUDENT: Final = 4


def synthetic_starts(students: int, contents: int, starts: int) -> csr_array:
    """Study-like: contents in GROUPS subject groups, each student in some, popularity by Zipf's law within a group."""
    rng = np.random.default_rng(SEED)
    per_group = contents // GROUPS
    popularity = 1.0 / np.arange(1, per_group + 1) ** 0.8
    place = np.searchsorted(np.cumsum(popularity) / popularity.sum(), rng.random(int(starts * 1.15)))
    student = rng.integers(0, students, len(place))
    groups = np.argsort(rng.random((students, GROUPS)), axis=1)[:, :SUBJECTS_OF_STUDENT]
    group = groups[student, rng.integers(0, SUBJECTS_OF_STUDENT, len(place))]
    pairs = np.unique(student * np.int64(contents) + group * per_group + np.minimum(place, per_group - 1))[:]
    kept = np.sort(rng.permutation(pairs)[:starts])
    return csr_array((np.ones(len(kept), dtype=np.float32), (kept // contents, kept % contents)), (students, contents))


def synthetic_input(students: int, contents: int, starts: int) -> RecommenderInput:
    """`synthetic_starts` as the frames of the recommender, each start at some time of the last year."""
    x = synthetic_starts(students, contents, starts).tocoo()
    rng = np.random.default_rng(SEED)
    as_of = dt.date(2026, 10, 1)
    student_ids = np.array([f"s{number:07d}" for number in range(students)], dtype=object)
    content_ids = np.array([f"c{number:06d}" for number in range(contents)], dtype=object)
    group_of = np.array([f"교과 {number}" for number in range(GROUPS)], dtype=object)[
        np.minimum(np.arange(contents) // (contents // GROUPS), GROUPS - 1)
    ]
    first = pd.Timestamp(as_of) - pd.to_timedelta(rng.integers(1, 365, x.nnz), unit="D")
    interactions = pd.DataFrame({"student_id": student_ids[x.row], "content_id": content_ids[x.col]})
    interactions = interactions.assign(
        first_planned_date=first,
        first_done_date=first,
        last_done_date=first,
        planned_count=3,
        done_count=2,
        done_units=9,
    )
    studied = interactions[["student_id"]].assign(subject_group=group_of[x.col]).drop_duplicates()
    nothing = dict.fromkeys(("tenant_id", "subject_id", "subject", "school_type", "school_year_min"))
    nothing |= dict.fromkeys(("school_year_max", "curriculum_revision", "series_name", "title_stem", "volume_number"))
    catalogue = pd.DataFrame({"content_id": content_ids, "subject_group": group_of}).assign(
        content_type="book", difficulty_level=1 + np.arange(contents) % 4, total_units=90, is_active=True, **nothing
    )
    people = pd.DataFrame({"student_id": student_ids, "tenant_id": "t", "school_type": "HIGH"})
    empty = {
        "weak_subjects": [
            *("student_id", "subject_group", "exam_count", "last_exam_date", "percentile", "own_percentile", "need"),
            "is_weak",
        ],
        "prerequisites": ["tenant_id", "content_id", "prerequisite_id"],
    }
    return RecommenderInput(
        as_of=as_of,
        students=people.assign(school_year_level=1 + np.arange(students) % 3, curriculum_revision=2022),
        contents=catalogue,
        student_subjects=studied.assign(subject=None, since_date=None),
        interactions=interactions,
        **{name: pd.DataFrame(columns=columns) for name, columns in empty.items()},
    )


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Seconds that the block took, once it is done."""
    started = time.perf_counter()
    ended: list[float] = []
    yield lambda: round(ended[0] - started, 1)
    ended.append(time.perf_counter())


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2)


def _movielens() -> pd.DataFrame | None:
    spec = importlib.util.find_spec("recbole")
    if spec is None or not spec.submodule_search_locations:
        return None
    file = Path(spec.submodule_search_locations[0]) / "dataset_example" / "ml-100k" / "ml-100k.inter"
    rows = pd.read_csv(file, sep="\t")
    rows.columns = [name.split(":")[0] for name in rows.columns]
    codes = {
        short: pd.factorize(rows[name], sort=True)[0] for short, name in {"user": "user_id", "item": "item_id"}.items()
    }
    return rows.assign(**codes)


def _matrix(rows: pd.DataFrame) -> csr_array:
    return csr_array((np.ones(len(rows), dtype=np.float32), (rows["user"], rows["item"])), (943, 1682))


def _popular(rows: pd.DataFrame) -> pd.DataFrame:
    x = _matrix(rows)
    count = np.asarray(x.sum(axis=0)).ravel()
    scores = np.where(x.toarray() > 0, -np.inf, count[None, :])
    best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    return _frame(best, np.take_along_axis(scores, best, axis=1))


def _frame(best: npt.NDArray[np.int64], scores: npt.NDArray[Any]) -> pd.DataFrame:
    user, place = np.nonzero((best >= 0) & np.isfinite(scores))
    return pd.DataFrame({"student_id": user, "content_id": best[user, place], "rank": place + 1})


def _figures(ranked: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    wanted = pd.DataFrame({"student_id": truth["user"], "content_id": truth["item"]})
    metrics = evaluate_rankings(ranked, wanted, DEPTH)
    return {"ndcg_at_20": round(metrics.ndcg_at_k, 4), "recall_at_20": round(metrics.recall_at_k, 4)}


def main() -> None:
    """Print one JSON document with what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["accuracy", "speed", "whole", "million"])
    parser.add_argument("--as-of", action="append", default=[], help="Cut-offs of a backtest beside ALS.")
    given = parser.parse_args()
    if given.as_of:
        print(json.dumps(rivals(given.as_of), indent=2))
        return
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "accuracy": accuracy,
        "speed": lambda: speed(200_000, 5_000, 3_600_000, with_als=True),
        "whole": lambda: whole(200_000, 5_000, 3_600_000),
        "million": lambda: speed(1_000_000, 10_000, 19_000_000, with_als=False),
    }
    print(json.dumps({name: parts[name]() for name in given.parts}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
