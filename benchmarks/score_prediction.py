"""The score predictor beside statsmodels: how fast it is per series, what training takes, and MixedLM's error.

Run with `make bench-scores`. The parts that measure memory run in a process of their own. `accuracy` needs a database
with scores, the one that TLU_HOME names (OULAD, say), and the cut-offs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import subprocess
import sys
import time
import warnings
from typing import Any, Final

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.statespace.structural import UnobservedComponents

from ml_assets.evaluation.intervals import mae
from ml_assets.score_prediction.backtest import evaluate_scores
from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.inputs import SERIES, ScorePredictionInput, known_scores
from ml_assets.score_prediction.level1 import fit_level1
from ml_assets.score_prediction.model import fit
from ml_assets.score_prediction.replay import next_exams
from orchestration.backtest import read_both_sides
from orchestration.cutoff import Cutoff
from orchestration.database import database_url
from orchestration.settings import load_settings

SEED: Final = 20261125
AS_OF: Final = dt.date(2026, 11, 25)
GROUPS: Final = ("국어", "수학", "영어", "사회", "과학", "한국사")
RIVAL_SERIES: Final = 300
"""Series that statsmodels fits one by one: enough for a mean time per series."""
AT_ONCE: Final = 100_000
"""Series that are asked about at once, as a run does it part by part."""
_BOOSTED: Final = ScorePredictionConfig(boosting_min_gain=-1.0)
"""Trees take part whether they win or not, for they cost the most."""


def world(students: int, scores_of_series: int) -> ScorePredictionInput:
    """Mock scores of made-up students in six subject groups, each series' two months apart, and their effort."""
    rng = np.random.default_rng(SEED)
    ability = 0.6 * rng.normal(size=(students, 1)) + 0.5 * rng.normal(size=(students, len(GROUPS)))
    student, group, number = (part.ravel() for part in np.mgrid[0:students, 0 : len(GROUPS), 0:scores_of_series])
    place = ability[student, group] + rng.normal(0, 0.5, len(student))
    day = pd.Timestamp(AS_OF) - pd.to_timedelta(30 + 61 * (scores_of_series - 1 - number), unit="D")
    ids = np.array([f"{n:036d}" for n in range(students)])
    scores = pd.DataFrame(
        {
            "score_id": np.char.zfill(np.arange(len(student)).astype(str), 12),
            "student_id": ids[student],
            "subject_group": np.array(GROUPS)[group],
            "subject_id": np.array(GROUPS)[group],
            "exam_kind": "mock",
            "exam_type": "education_office",
            "exam_date": day,
            "known_date": day + pd.Timedelta(days=3),
            "course_day": day.day_of_year.to_numpy(np.float64),
            "school_year_level": 2.0,
            "percentile": 100 * (1 / (1 + np.exp(-1.6 * place))),
            "percentile_basis": "percentile",
            **dict.fromkeys(("raw_score", "rank_grade", "rank_grade_levels", "standard_score", "credit_hours"), np.nan),
        }
    )
    pairs = pd.DataFrame({"student_id": np.repeat(ids, len(GROUPS)), "subject_group": np.tile(GROUPS, students)})
    weeks = [pd.Timestamp(AS_OF) - pd.Timedelta(days=AS_OF.weekday() + 7 * back) for back in (1, 2, 3, 4)]
    effort = pairs.merge(pd.DataFrame({"week_start": weeks}), how="cross")
    effort = effort.assign(
        planned_count=5, done_count=rng.integers(0, 6, len(effort)), carried_over_count=0, net_seconds=3600.0
    )
    return ScorePredictionInput(
        as_of=AS_OF,
        students=pd.DataFrame({"student_id": ids, "tenant_id": "t", "school_type": "HIGH", "school_year_level": 2}),
        scores=scores,
        effort=effort,
        courses=pairs.assign(subject_id=pairs["subject_group"], course_start_date=pd.Timestamp("2026-03-01")),
    )


def train(scores: int) -> dict[str, Any]:
    """Seconds and peak memory of fitting everything on `scores` scores."""
    inputs = world(scores // (len(GROUPS) * 6), 6)
    started = time.perf_counter()
    model = fit(inputs, _BOOSTED)
    return {
        "scores": len(inputs.scores),
        "seconds": time.perf_counter() - started,
        "in_use": model.in_use,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def score(series: int) -> dict[str, Any]:
    """Seconds to predict the next exam of each of `series` series, and of statsmodels on some of the same series."""
    learned = fit(world(2_000, 6), _BOOSTED)
    inputs = world(series // len(GROUPS), 4)
    known = inputs.known
    asked = known.groupby(SERIES, sort=False).tail(1).assign(exam_date=pd.Timestamp("2026-12-15"), course_day=289.0)
    students = asked["student_id"].unique()
    started = time.perf_counter()
    predicted = 0
    step = AT_ONCE // len(GROUPS)
    for low in range(0, len(students), step):
        part = asked[asked["student_id"].isin(students[low : low + step])]
        predicted += len(learned.predict(inputs, part))
    ours = (time.perf_counter() - started) / predicted
    own = known[known["student_id"].isin(students[:step])]
    part = asked[asked["student_id"].isin(students[:step])]
    started = time.perf_counter()
    learned.level.predict(own, part)
    level_1 = (time.perf_counter() - started) / len(part)
    rivals = _rivals(known.head(RIVAL_SERIES * 4))
    return {
        "series": predicted,
        "seconds": ours * predicted,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "microseconds_a_series": ours * 1e6,
        "microseconds_of_level_1": level_1 * 1e6,
        "rivals": {
            name: {
                "milliseconds_a_series": seconds * 1e3,
                "times_ours": seconds / ours,
                "times_level_1": seconds / level_1,
            }
            for name, seconds in rivals.items()
        },
    }


def _rivals(scores: pd.DataFrame) -> dict[str, float]:
    """Seconds a series that statsmodels takes to fit and forecast one step, series by series."""
    all_series = [rows["value"].to_numpy() for _, rows in scores.groupby(SERIES, sort=False)]

    def seconds(forecast: Any) -> float:
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # four points do not convince an optimiser
            for one in all_series:
                forecast(one)
        return (time.perf_counter() - started) / len(all_series)

    return {
        "ETS(A,N,N)": seconds(lambda one: ETSModel(one, error="add").fit(disp=False).forecast(1)),
        "local level": seconds(lambda one: UnobservedComponents(one, "local level").fit(disp=False).forecast(1)),
    }


def accuracy(as_of: str) -> dict[str, Any]:
    """Our error at a cut-off beside that of MixedLM (random intercept of the student), fitted on the same scores.

    Two rivals: fixed effects of subject group and type of exam, as one would fit it; and the same on top of what our
    expectation of exams says, which gives it half of our model.
    """
    settings = load_settings()
    sides = read_both_sides(settings, database_url(settings), Cutoff.parse(as_of))
    block = evaluate_scores(sides.scores, sides.later_scores)
    config, day = ScorePredictionConfig(), pd.Timestamp(sides.scores.as_of)
    known = sides.scores.known
    truth = next_exams(known_scores(sides.later_scores), day, config.horizon_days)
    level = fit_level1(known, day, config)
    past = known.groupby(SERIES).size().rename("past")
    truth = truth.join(past, on=SERIES).dropna(subset=["past"]).reset_index(drop=True)
    learn, ask = (
        rows.assign(
            expected=level.effects.of(rows)["mean"].to_numpy(), course=rows["subject_group"] + rows["exam_type"]
        )
        for rows in (known, truth)
    )
    # A course that nobody has had an exam in is given that of most scores of the type.
    of_type = learn.groupby("exam_type")["course"].agg(lambda courses: courses.mode().iloc[0])
    ask["course"] = ask["course"].where(ask["course"].isin(learn["course"]), ask["exam_type"].map(of_type))
    errors = {"ours": block["mae"]}
    for name, formula in (("MixedLM", "value ~ C(course)"), ("MixedLM on our exams", "value ~ expected")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = smf.mixedlm(formula, learn, groups=learn["student_id"]).fit()
        own = pd.Series({student: float(effect.iloc[0]) for student, effect in fitted.random_effects.items()})
        predicted = fitted.predict(ask) + ask["student_id"].map(own).fillna(0.0)
        errors[name] = mae(ask["value"].to_numpy(np.float64), predicted.clip(0, 100).to_numpy(np.float64))
    return {"as_of": as_of, "n": block["n"], "rows": len(truth), "mae": errors}


def main() -> None:
    """Measure what is asked for and print it as JSON; without words, training and speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=("train", "score", "accuracy"))
    parser.add_argument("sizes_or_days", nargs="*")
    chosen = parser.parse_args()
    if chosen.part == "accuracy":
        print(json.dumps([accuracy(day) for day in chosen.sizes_or_days], indent=2))
    elif chosen.part:
        measure = {"train": train, "score": score}[chosen.part]
        print(json.dumps(measure(int(chosen.sizes_or_days[0])), indent=2))
    else:
        for part, size in (("train", "500000"), ("score", "1000000")):
            command = [sys.executable, "-m", "benchmarks.score_prediction", part, size]
            print(part, subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
