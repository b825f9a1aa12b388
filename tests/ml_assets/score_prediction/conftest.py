"""A class that is fitted once for all tests that only ask it."""

from __future__ import annotations

import pandas as pd
import pytest

from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.inputs import ScorePredictionInput
from ml_assets.score_prediction.model import ScorePredictor, fit
from ml_assets.score_prediction.publication import cohorts, predictions
from tests.ml_assets.score_prediction.worlds import Made, all_scores, as_known, courses_of, graded, sitting

FEW_REPLAYS = ScorePredictionConfig(replay_step_days=56, replay_most=6)
BOOSTED = ScorePredictionConfig(
    replay_step_days=56, replay_most=6, boosting_min_series=50, boosting_min_gain=-10.0, boosting_iterations=20
)
"""Boosting with few series, and however little it wins: what is used must be in order whether it is good or not."""


@pytest.fixture(scope="session")
def class_scores() -> pd.DataFrame:
    """Scores before and after the cut-off: 국어 has raw scores at school, 수학 a 등급 of five; and four more students.

    `one` and `ten` have so many scores, all alike; `elsewhere` has scores in 국어 alone and studies 수학 too, and so
    does `only mock`, who has mock exams of 수학 and nothing else. `none` has no score.
    """
    scores = graded(all_scores(Made(students=160)), "수학", 5)
    special = [
        sitting(scores, "one", "국어", 75),
        sitting(scores, "ten", "국어", *[75] * 10),
        sitting(scores, "elsewhere", "국어", 60, 65, 70),
        sitting(scores, "only mock", "수학", 40, 45),
    ]
    return pd.concat([scores, *special], ignore_index=True)


@pytest.fixture(scope="session")
def class_input(class_scores: pd.DataFrame) -> ScorePredictionInput:
    known = as_known(class_scores)
    studies = courses_of(class_scores).query("student_id == 's0000' and subject_group == '수학'")
    more = pd.concat([studies.assign(student_id=name) for name in ("elsewhere", "none")])
    nobody = known.students.head(1).assign(student_id="none")
    return ScorePredictionInput(
        as_of=known.as_of,
        students=pd.concat([known.students, nobody]),
        scores=known.scores,
        effort=known.effort,
        courses=pd.concat([known.courses, more]),
    )


@pytest.fixture(scope="session")
def class_model(class_input: ScorePredictionInput) -> ScorePredictor:
    return fit(class_input, FEW_REPLAYS)


@pytest.fixture(scope="session")
def boosted_model(class_input: ScorePredictionInput) -> ScorePredictor:
    return fit(class_input, BOOSTED)


@pytest.fixture(scope="session")
def published(class_model: ScorePredictor, class_input: ScorePredictionInput) -> pd.DataFrame:
    return predictions(class_model, class_input)


@pytest.fixture(scope="session")
def boosted_published(boosted_model: ScorePredictor, class_input: ScorePredictionInput) -> pd.DataFrame:
    return predictions(boosted_model, class_input)


@pytest.fixture(scope="session")
def published_cohorts(class_model: ScorePredictor, class_input: ScorePredictionInput) -> pd.DataFrame:
    return cohorts(class_model, class_input)
