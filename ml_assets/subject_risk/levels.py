"""Where a student stands in each subject group today, and where it goes: shrunk by how much was seen.

Belongs here: variances, and levels from exams. Not here: what is a risk (`risk`), or the scales (`places`).

The place of an exam is a straight line in time, plus what sets its kind apart, plus noise:

    z = level + slope × years + kind + noise

with slope, kind and noise normal around 0, the level normal around the student's mean, and that around the academy's.
Given the variances, level and slope are the best linear predictions (Robinson 1991, "That BLUP is a good thing"). The
variances come from moments, with priors for few students; so does the academy's mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.inputs import GROUP, KINDS, SubjectRiskInput
from ml_assets.subject_risk.places import CELL, Places, exams, fit_places

_DECIMALS: Final = 3
"""Decimals that are kept of variances and means: more would change every row every night."""


@dataclass(frozen=True)
class LevelModel:
    """What was learned from all students: with it a student alone gets the same as in a batch.

    Variances are in z², slopes per year. `academies` are means of students by tenant, `overall` that of all.
    """

    places: Places
    noise: Mapping[str, float]
    slope_variance: float
    kind_variance: float
    group_variance: float
    student_variance: float
    academies: Mapping[str, float]
    overall: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        effects = self.places.exam_effects
        return {
            **{name: getattr(self, name) for name in _VARIANCES},
            "noise": dict(self.noise),
            "academies": dict(self.academies),
            "overall": self.overall,
            "kind_shift": self.places.kind_shift,
            "readings": self.places.readings.to_dict("list"),
            "exam_effects": effects.assign(exam_date=effects["exam_date"].astype("str")).to_dict("list"),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LevelModel:
        """Back from JSON."""
        effects = pd.DataFrame(values["exam_effects"]).astype({"exam_date": "datetime64[s]", "effect": "float64"})
        readings = pd.DataFrame(values["readings"]).astype({"slope": "float64", "offset": "float64"})
        return cls(
            places=Places(values["kind_shift"], readings, effects),
            noise=dict(values["noise"]),
            academies=dict(values["academies"]),
            overall=values["overall"],
            **{name: values[name] for name in _VARIANCES},
        )


_VARIANCES: Final = ("slope_variance", "kind_variance", "group_variance", "student_variance")


def fit(inputs: SubjectRiskInput, config: SubjectRiskConfig) -> LevelModel:
    """Variances and means of `inputs`; without scores the priors."""
    places = fit_places(inputs.scores, config)
    places = Places(round(places.kind_shift, _DECIMALS), _rounded(places.readings), _rounded(places.exam_effects))
    rows = exams(inputs.scores, places, config)
    noise = _noise(rows, config)
    slope = _slope_variance(rows, noise, config)
    kind = _kind_variance(rows, noise, config)
    cells = _cells(rows, noise, slope, kind)
    group = _group_variance(cells, config)
    weight = 1 / (group + cells["variance"])
    of_student = cells["student_id"]
    known = weight.groupby(of_student).sum()
    means = (weight * cells["level"]).groupby(of_student).sum() / known
    overall = float(means.mean()) if len(means) else 0.0
    tenant = inputs.students.set_index("student_id")["tenant_id"].reindex(means.index)
    own = means.groupby(tenant).agg(["sum", "size"])
    academies = (own["sum"] + config.academy_prior * overall) / (own["size"] + config.academy_prior)
    center = tenant.map(academies).astype("float64").fillna(overall)
    excess = float(((means - center) ** 2 - 1 / known).sum())
    student = (max(excess, 0.0) + config.prior_weight * config.student_variance_prior) / (
        len(means) + config.prior_weight
    )
    return LevelModel(
        places=places,
        noise={name: _kept(value) for name, value in noise.items()},
        slope_variance=_kept(slope),
        kind_variance=_kept(kind),
        group_variance=_kept(group),
        student_variance=_kept(student),
        academies={str(name): round(float(value), _DECIMALS) for name, value in academies.items()},
        overall=round(overall, _DECIMALS),
    )


def levels(inputs: SubjectRiskInput, model: LevelModel, config: SubjectRiskConfig) -> pd.DataFrame:
    """One row per student of `inputs` and subject group with an exam, sorted.

    Columns: student_id, subject_group, level and level_variance (z, shrunk, on the day of the student's last exam),
    slope and slope_variance (z a year, shrunk to 0), spread (deviation of the student's places around their way, z,
    shrunk to the noise of such exams), exam_count, first_exam_date, last_exam_date.
    """
    scores = inputs.scores[inputs.scores["student_id"].isin(inputs.students["student_id"])]
    rows = exams(scores, model.places, config)
    cells = _cells(rows, model.noise, model.slope_variance, model.kind_variance)
    weight = 1 / (model.group_variance + cells["variance"])
    of_student = cells["student_id"]
    tenant = of_student.map(inputs.students.set_index("student_id")["tenant_id"])
    prior = tenant.map(dict(model.academies)).astype("float64").fillna(model.overall)
    known = weight.groupby(of_student).transform("sum") + 1 / model.student_variance
    student = ((weight * cells["level"]).groupby(of_student).transform("sum") + prior / model.student_variance) / known
    share = model.group_variance * weight
    found = cells.assign(
        level=student + share * (cells["level"] - student),
        level_variance=share * cells["variance"] + (1 - share) ** 2 / known,
    ).drop(columns="variance")
    group = rows.groupby(GROUP)["exam_date"]
    counted = group.agg(exam_count="size", first_exam_date="min", last_exam_date="max")
    facts = counted.assign(spread=_spread(rows, model, config))
    return found.merge(facts.reset_index(), on=GROUP).sort_values(GROUP, ignore_index=True)


def _kept(variance: float) -> float:
    """A variance as it is kept; none is nothing, for it is divided by."""
    return max(round(variance, _DECIMALS), 10.0**-_DECIMALS)


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with its numbers as they are kept: two more decimals, for they are multiplied by up to 100 points."""
    numbers = [str(name) for name in frame.select_dtypes("float64")]
    return frame.assign(**{name: frame[name].round(_DECIMALS + 2) for name in numbers})


def _differences(rows: pd.DataFrame) -> pd.Series:
    """Square of each exam's distance from the one before it of the same student, group and kind; NaN for the first.

    Half of it is the noise, whatever the way of the student (von Neumann 1941).
    """
    return rows.groupby(CELL)["z"].diff() ** 2


def _noise(rows: pd.DataFrame, config: SubjectRiskConfig) -> dict[str, float]:
    half = (_differences(rows) / 2).groupby(rows["exam_kind"]).agg(["sum", "count"])
    half = half.reindex(list(KINDS), fill_value=0.0)
    prior = pd.Series(dict(config.noise_prior)).reindex(list(KINDS))
    noise = (half["sum"] + config.prior_weight * prior) / (half["count"] + config.prior_weight)
    return {str(kind): float(value) for kind, value in noise.items()}


def _slope_variance(rows: pd.DataFrame, noise: Mapping[str, float], config: SubjectRiskConfig) -> float:
    """What the distance of the first exam from the last has beyond noise, by the square of the years between them."""
    ends = rows.groupby(CELL).agg(z0=("z", "first"), z1=("z", "last"), y0=("years", "first"), y1=("years", "last"))
    squared_years = (ends["y1"] - ends["y0"]) ** 2
    apart = squared_years > 0
    noise_of = ends.index.get_level_values("exam_kind").map(dict(noise)).to_numpy(np.float64)
    excess = ((ends["z1"] - ends["z0"]) ** 2 - 2 * noise_of)[apart].sum()
    weight = config.prior_weight
    return float((max(excess, 0.0) + weight * config.slope_prior) / (squared_years.sum() + weight))


def _kind_variance(rows: pd.DataFrame, noise: Mapping[str, float], config: SubjectRiskConfig) -> float:
    cells = rows.groupby(CELL)["z"].agg(["mean", "size"]).reset_index()
    mean, count = (
        cells.pivot_table(values=name, index=GROUP, columns="exam_kind").reindex(columns=list(KINDS)).dropna()
        for name in ("mean", "size")
    )
    sampling = noise["mock"] / count["mock"] + noise["internal"] / count["internal"]
    excess = float(((mean["mock"] - mean["internal"]) ** 2 - sampling).sum() / 2)
    weight = config.prior_weight
    return (max(excess, 0.0) + weight * config.kind_variance_prior) / (len(mean) + weight)


def _cells(rows: pd.DataFrame, noise: Mapping[str, float], slope: float, kind: float) -> pd.DataFrame:
    """Level at years = 0 and slope of each student and subject group, by generalised least squares, level not shrunk.

    Columns: GROUP, level, variance, slope, slope_variance. The kind's effect is in the covariance of its exams: the
    inverse of w⁻¹ I + kind 11ᵀ is w I - f w² 11ᵀ with f = kind / (1 + kind n w).
    """
    weight = 1 / rows["exam_kind"].map(dict(noise)).astype("float64")
    years, z = rows["years"], rows["z"]
    parts = {"w": weight, "wt": weight * years, "wtt": weight * years**2, "wz": weight * z, "wtz": weight * years * z}
    sums = pd.DataFrame(parts).groupby([rows[name] for name in CELL]).sum()
    f = kind / (1 + kind * sums["w"])
    normal = pd.DataFrame(
        {
            "aa": sums["w"] - f * sums["w"] ** 2,
            "ab": sums["wt"] - f * sums["w"] * sums["wt"],
            "bb": sums["wtt"] - f * sums["wt"] ** 2,
            "az": sums["wz"] - f * sums["w"] * sums["wz"],
            "bz": sums["wtz"] - f * sums["wt"] * sums["wz"],
        }
    )
    normal = normal.groupby(GROUP).sum()
    bb = normal["bb"] + 1 / slope
    determinant = normal["aa"] * bb - normal["ab"] ** 2
    found = pd.DataFrame(
        {
            "level": (bb * normal["az"] - normal["ab"] * normal["bz"]) / determinant,
            "variance": bb / determinant,
            "slope": (normal["aa"] * normal["bz"] - normal["ab"] * normal["az"]) / determinant,
            "slope_variance": normal["aa"] / determinant,
        }
    )
    return found.reset_index()


def _group_variance(cells: pd.DataFrame, config: SubjectRiskConfig) -> float:
    """Variance of a student's subject groups around their mean, without that of estimation."""
    group = cells.groupby("student_id")
    count = group["level"].transform("size")
    excess = (cells["level"] - group["level"].transform("mean")) ** 2 - (1 - 1 / count) * cells["variance"]
    degrees = float((1 - 1 / count).sum())
    weight = config.prior_weight
    return (max(float(excess.sum()), 0.0) + weight * config.group_variance_prior) / (degrees + weight)


def _spread(rows: pd.DataFrame, model: LevelModel, config: SubjectRiskConfig) -> pd.Series:
    """Deviation of the places around the student's way, drawn to that of such exams by `spread_prior_pairs`."""
    noise = rows["exam_kind"].map(dict(model.noise)).astype("float64")
    ratio = (_differences(rows) / 2 / noise).groupby([rows[name] for name in GROUP]).agg(["sum", "count"])
    usual = noise.groupby([rows[name] for name in GROUP]).mean()
    prior = config.spread_prior_pairs
    variance = usual * (ratio["sum"] + prior) / (ratio["count"] + prior)
    return variance**0.5
