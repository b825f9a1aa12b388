"""The place of every score among all takers, on one scale for all exams and kinds.

Belongs here: from percentiles, raw scores and 등급 to z, and several 과목 of one day to one exam. Not here: what a
student's exams add up to (`levels`).

A percentile is a place already. A mock exam without ranks, such as 절대평가, has none: a 등급 of it says how many
points were reached, not how many takers were behind. It gets the place that its takers have elsewhere: its scores are
stretched to the deviation of all places and moved until its takers stand, on average, where they stand in other
subject groups. School exams without a percentile are of different schools and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.inputs import GROUP, KINDS
from ml_assets.subject_risk.scale import Floats, z_of_percentile

ABSOLUTE: Final = "absolute_grade"
"""Basis of a percentile that is the middle of a 등급 of 절대평가: no rank stands behind it."""

EXAM: Final = ["subject_group", "exam_type", "exam_date"]
CELL: Final = [*GROUP, "exam_kind"]

_READING: Final = ["measure", "subject_group"]
_STANINE_DEVIATION: Final = 1.96
_STANINE_MEAN: Final = 5.0


@dataclass(frozen=True)
class Places:
    """How scores are placed.

    - kind_shift: what is added to the z of school exams, so that they mean what mock exams mean
    - readings: measure (raw or grade), subject_group, slope, offset: z is slope × value - offset - effect
    - exam_effects: measure, subject_group, exam_type, exam_date, effect
    """

    kind_shift: float
    readings: pd.DataFrame
    exam_effects: pd.DataFrame

    def of(self, scores: pd.DataFrame) -> Floats:
        """The z of each row of `scores`, NaN where it has no place."""
        found = is_placed(scores).to_numpy(bool)
        z = np.where(found, z_of_percentile(scores["percentile"].to_numpy(np.float64)), np.nan)
        z = z + np.where(scores["exam_kind"].eq("internal").to_numpy(bool), self.kind_shift, 0.0)
        for measure in ("grade", "raw"):  # a raw score says more, and is taken last
            read = self._read(measure, scores)
            z = np.where(~found & ~np.isnan(read), read, z)
        return np.clip(z, -3.0, 3.0)

    def _read(self, measure: str, scores: pd.DataFrame) -> Floats:
        rows = scores[EXAM].assign(measure=measure)
        line = rows.merge(self.readings, how="left", on=_READING)
        effect = rows.merge(self.exam_effects, how="left", on=["measure", *EXAM])["effect"].fillna(0.0)
        value = _measures(scores)[measure].to_numpy(np.float64)
        read: Floats = line["slope"].to_numpy(np.float64) * value - line["offset"].to_numpy(np.float64)
        return np.where(scores["exam_kind"].eq("mock").to_numpy(bool), read - effect.to_numpy(np.float64), np.nan)


def is_placed(scores: pd.DataFrame) -> pd.Series[bool]:
    """Rows that stand at a rank among the takers of their exam."""
    return scores["percentile"].notna() & scores["percentile_basis"].ne(ABSOLUTE).fillna(True)


def fit_places(scores: pd.DataFrame, config: SubjectRiskConfig) -> Places:
    """Places of the exams in `scores`."""
    placed = scores[is_placed(scores)]
    z = pd.Series(z_of_percentile(placed["percentile"].to_numpy(np.float64)), index=placed.index)
    shift = _kind_shift(placed, z, config)
    z = z + placed["exam_kind"].eq("internal") * shift
    usual = z.groupby(placed["student_id"]).mean()
    deviation = float(z.std()) if len(z) >= config.exam_prior else 1.0
    mock = scores[~is_placed(scores) & scores["exam_kind"].eq("mock")]
    usual_of = mock["student_id"].map(usual).astype("float64").fillna(0.0)
    readings, effects = [], []
    for measure, value in _measures(mock).items():
        rows = mock[EXAM].assign(value=value, usual=usual_of, measure=measure)[value.notna()]
        line = _lines(rows, measure, deviation, config)
        rows = rows.merge(line, on=_READING)
        rows["effect"] = rows["slope"] * rows["value"] - rows["offset"] - rows["usual"]
        exam = rows.groupby(["measure", *EXAM])["effect"].agg(["sum", "size"])
        effects.append((exam["sum"] / (exam["size"] + config.exam_prior)).rename("effect").reset_index())
        readings.append(line)
    return Places(shift, pd.concat(readings, ignore_index=True), pd.concat(effects, ignore_index=True))


def exams(scores: pd.DataFrame, places: Places, config: SubjectRiskConfig) -> pd.DataFrame:
    """One row per exam of a student in a subject group and kind that has a place: CELL, exam_date, z, years.

    Several 과목 of a group on one day are one exam. Coursework may be handed in and known before it is due, which is
    then its day: none lies in the future. `years` are those since the exam up to the student's last one, at
    most 0; older exams than `history_days` are left out. Sorted by CELL and date.
    """
    day = scores["exam_date"].where(scores["exam_date"] <= scores["known_date"], scores["known_date"])
    rows = scores[CELL].assign(exam_date=day, z=places.of(scores)).dropna(subset=["z"])
    found = rows.groupby([*CELL, "exam_date"], as_index=False)["z"].mean()
    days = (found.groupby("student_id")["exam_date"].transform("max") - found["exam_date"]).dt.days
    kept: pd.DataFrame = found.assign(years=-days / 365.25)[days <= config.history_days]
    return kept.reset_index(drop=True)


def _measures(scores: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """What a score without a place is read off, each higher better."""
    return {"raw": scores["raw_score"], "grade": -scores["rank_grade"]}


def _kind_shift(placed: pd.DataFrame, z: pd.Series, config: SubjectRiskConfig) -> float:
    """How much higher students stand in mock exams than in school exams of the same subject group."""
    rows = placed[CELL].assign(z=z)
    cells = rows.pivot_table(values="z", index=GROUP, columns="exam_kind").reindex(columns=list(KINDS))
    apart = (cells["mock"] - cells["internal"]).dropna()
    return float(apart.sum() / (len(apart) + config.kind_prior))


def _lines(rows: pd.DataFrame, measure: str, deviation: float, config: SubjectRiskConfig) -> pd.DataFrame:
    """Slope and offset of each subject group.

    A 등급 is taken for one of nine bands of takers until there are scores. Raw scores have as many points as the exam
    has, so that nothing is known of them until there are `exam_prior`.
    """
    group = rows.groupby(_READING)["value"]
    found = pd.DataFrame({"n": group.size(), "variance": group.var(ddof=0), "mean": group.mean()})
    found["usual"] = rows.groupby(_READING)["usual"].mean()
    prior = config.exam_prior
    if measure == "raw":
        found = found[(found["n"] >= prior) & (found["variance"] > 0)]
        found["slope"] = deviation / np.sqrt(found["variance"])
        found["offset"] = found["slope"] * found["mean"] - found["usual"]
    else:
        share = found["n"] / (found["n"] + prior)
        variance = share * found["variance"] + (1 - share) * _STANINE_DEVIATION**2
        found["slope"] = (share * deviation + 1 - share) / np.sqrt(variance)
        seen = found["slope"] * found["mean"] - found["usual"]
        found["offset"] = share * seen - (1 - share) * found["slope"] * _STANINE_MEAN
    lines: pd.DataFrame = found[["slope", "offset"]].reset_index()
    return lines
