"""Level 1 as of a day: exams, variances, and the prediction of any exam of any student.

Belongs here: from frames to the arrays of `blup` and back. Not here: the arithmetic (`blup`, `exams`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.score_prediction.blup import Components, Scores, Targets, fit_components, predict, predict_mean
from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.exams import ExamEffects, fit_exams
from ml_assets.score_prediction.inputs import KINDS
from ml_assets.score_prediction.scale import LARGEST_Z

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EPOCH: Final = pd.Timestamp("2000-01-01")


@dataclass(frozen=True)
class Level1:
    """What level 1 has learned before `as_of`, and the codes of its types of exam."""

    as_of: pd.Timestamp
    effects: ExamEffects
    components: Components
    types: tuple[str, ...]
    config: ScorePredictionConfig

    def places(self, known: pd.DataFrame) -> Floats:
        """Deviations of each score from what its exam was, within ±3: a score further out says no more."""
        exams = self.effects.of(known)
        place = (known["value"].to_numpy() - exams["mean"].to_numpy()) / exams["sd"].to_numpy()
        return np.asarray(np.clip(place, -LARGEST_Z, LARGEST_Z), dtype=np.float64)

    def predict(self, known: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
        """A row for each row of `asked`, from the scores in `known`, which are those known before `as_of`.

        `asked` has the columns of an exam (`exams.EXAM`), course_day and student_id. Columns: exam_mean, exam_variance,
        exam_sd on the exam's scale; is_new_exam; place and place_variance in deviations; past, form and other_kind,
        which add up to place; noise, the variance of a score around its place.
        """
        history, targets = self._coded(known, asked)
        found = predict(history, targets, self.components, self.config.longest_history)
        exams = self.effects.of(asked)
        return pd.DataFrame(
            {
                "exam_mean": exams["mean"].to_numpy(),
                "exam_variance": exams["variance"].to_numpy(),
                "exam_sd": exams["sd"].to_numpy(),
                "is_new_exam": exams["is_new"].to_numpy(),
                "place": found.mean,
                "place_variance": found.variance,
                "past": found.past,
                "form": found.form,
                "other_kind": found.other_kind,
                "noise": self.components.noise_of(targets.type),
            },
            index=asked.index,
        )

    def shrunken(self, known: pd.DataFrame, asked: pd.DataFrame) -> Floats:
        """The baseline's place of each row: the mean of the subject group's past places, shrunk, and nothing else."""
        history, targets = self._coded(known, asked)
        return predict_mean(history, targets, self.components.own_group_only(), self.config.longest_history)

    def _coded(self, known: pd.DataFrame, asked: pd.DataFrame) -> tuple[Scores, Targets]:
        students, groups = pd.Index(known["student_id"].unique()), pd.Index(known["subject_group"].unique())
        targets = Targets(
            student=_codes(students, asked["student_id"]),
            group=_codes(groups, asked["subject_group"]),
            kind=_codes(pd.Index(KINDS), asked["exam_kind"]),
            type=type_codes(asked, self.types),
            day=_days(asked["exam_date"]),
        )
        return coded(known, self.places(known), students, groups, self.types, self.effects), targets


def fit_level1(
    known: pd.DataFrame, as_of: pd.Timestamp, config: ScorePredictionConfig, length: float | None = None
) -> Level1:
    """Exams and variances from the scores `known` before `as_of`, in the order of `inputs.known_scores`."""
    effects = fit_exams(known, as_of, config)
    types = tuple(sorted(set(_types(known))))
    empty = Components(0.25, 0.1, 0.1, 0.1, 0.05, 180.0, np.zeros(0), 0.4)
    level = Level1(as_of, effects, empty, types, config)
    if known.empty:
        return level
    sample = known[known["student_id"].isin(_sampled(known["student_id"], config.moment_students))]
    students, groups = pd.Index(sample["student_id"].unique()), pd.Index(sample["subject_group"].unique())
    scores = coded(sample, level.places(sample), students, groups, types, effects)
    return Level1(as_of, effects, fit_components(scores, len(types), config, length), types, config)


def coded(
    known: pd.DataFrame,
    places: Floats,
    students: pd.Index,
    groups: pd.Index,
    types: tuple[str, ...],
    effects: ExamEffects,
) -> Scores:
    """`known`, which is ordered by student and day, as arrays of codes."""
    sd = effects.of(known)["sd"].to_numpy()
    return Scores(
        student=_codes(students, known["student_id"]),
        group=_codes(groups, known["subject_group"]),
        kind=_codes(pd.Index(KINDS), known["exam_kind"]),
        type=type_codes(known, types),
        day=_days(known["day"]),
        place=places,
        rounding=known["rounding"].to_numpy() / sd**2,
    )


def type_codes(frame: pd.DataFrame, types: tuple[str, ...]) -> Ints:
    """Number of each exam's type in `types`, -1 for one never seen."""
    return _codes(pd.Index(types, dtype="str"), _types(frame))


def _codes(index: pd.Index, values: pd.Series) -> Ints:
    return np.asarray(index.get_indexer(pd.Index(values)), dtype=np.int64)


def _types(frame: pd.DataFrame) -> pd.Series:
    return frame["exam_kind"] + "/" + frame["exam_type"]


def _days(dates: pd.Series) -> Floats:
    return np.asarray((dates - _EPOCH).dt.days, dtype=np.float64)


def _sampled(students: pd.Series, most: int) -> npt.NDArray[np.object_]:
    """The same students every time: those of the smallest hashes."""
    unique = np.sort(students.unique().astype(object))
    if len(unique) <= most:
        return unique
    return unique[np.argsort(pd.util.hash_array(unique, categorize=False), kind="stable")[:most]]
