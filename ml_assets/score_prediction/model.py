"""The score predictor: fitted as of a day, kept as data, asked about exams.

Belongs here: putting levels, intervals and scales together, and the artifact. Not here: which exams are asked about
(`horizons`, `publication`), and how good the answers were (`backtest`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.evaluation.intervals import mae
from ml_assets.score_prediction.blup import Components
from ml_assets.score_prediction.boosting import Trees, fit_trees
from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.effort import FEATURES as EFFORT_FEATURES
from ml_assets.score_prediction.exams import EXAM, ExamEffects, Expectation, expectation
from ml_assets.score_prediction.inputs import SERIES, ScorePredictionInput
from ml_assets.score_prediction.intervals import LEVELS, Calibration, calibrate
from ml_assets.score_prediction.ledger import Ledger
from ml_assets.score_prediction.level1 import Level1, fit_level1
from ml_assets.score_prediction.replay import described, replay
from ml_assets.score_prediction.scale import PERCENTILE, RAW, MonotoneMap, fit_map, percentile_of_z, z_of_percentile

Floats = npt.NDArray[np.float64]

SCHEMA_VERSION: Final = 1
BLUP, BOOSTED, SHRUNKEN_MEAN = "blup", "blup_boosted", "shrunken_mean"

_MANIFEST, _ARRAYS, _EXAMS = "manifest.json", "arrays.npz", "exams.parquet"
_MAP_MIN_SCORES: Final = 50
"""Scores with a percentile and another scale from which the one is read as the other."""


class ModelMismatchError(ValueError):
    """An artifact that this code cannot use, or that was changed."""


@dataclass(frozen=True, kw_only=True)
class ScorePredictor:
    """A fitted predictor. `in_use` names what answers: BOOSTED, BLUP or, where neither won, SHRUNKEN_MEAN.

    `plain_halfwidths`, by scale, are what split conformal prediction would make of the same errors without groups and
    without a deviation of each row's own: what the intervals are measured against.
    """

    as_of: dt.date
    config: ScorePredictionConfig
    level: Level1
    trees: Trees | None
    trees_weight: float
    calibration: Calibration
    exam_inflation: float
    maps: dict[str, MonotoneMap]
    plain_halfwidths: dict[str, float]
    in_use: str
    metrics: dict[str, Any]

    def predict(self, inputs: ScorePredictionInput, asked: pd.DataFrame) -> pd.DataFrame:
        """Answer for each row of `asked`: student_id, course_day, credit_hours and the columns of an exam.

        The columns of `asked` and of `replay.described`, and

        - center, deviation: on the exam's scale (z or raw points), and usual, the mean of the exams of group and kind
        - predicted, lower, upper, lower_90, upper_90: 0 to 100, percentile or raw score; confidence: 0 to 1
        - current: the latest score of the series on the same scale, NaN where there is none
        - cohort_mean, and the points that add up with it to `predicted`: past_exams, trend, effort, kind, cohort
        """
        own = inputs.known[inputs.known["student_id"].isin(asked["student_id"].unique())]
        rows = described(self.level, own, asked, inputs.recent_effort, pd.Timestamp(self.as_of))
        if self.in_use == SHRUNKEN_MEAN:
            rows = rows.assign(shrunken_place=self.level.shrunken(own, rows))
        return self._answered(rows.join(_usual(inputs.known), on=["scale", *SERIES[1:]]), own)

    def _answered(self, rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
        rows["usual"] = rows["usual"].fillna(rows["exam_mean"])
        place, parts = self._place(rows)
        sd = rows["exam_sd"].to_numpy()
        center = rows["exam_mean"].to_numpy() + sd * place
        deviation = deviation_of(rows, self.exam_inflation)
        scale = rows["scale"].to_numpy(object)
        found = {"center": center, "deviation": deviation, **self.interval(rows, center, deviation)}
        found["current"] = _latest(rows, known)
        found["cohort_mean"] = points(rows["usual"].to_numpy(), scale)
        latent = {name: sd * part for name, part in parts.items()}
        latent["cohort"] = (rows["exam_mean"] - rows["usual"]).to_numpy()
        return rows.assign(**found, **_in_points(latent, rows["usual"].to_numpy(), found, scale))

    def interval(self, rows: pd.DataFrame, center: Floats, deviation: Floats) -> dict[str, Floats]:
        """predicted, lower, upper, lower_90, upper_90 and confidence of `rows` (past_count, exam_kind, …) in points."""
        scale = rows["scale"].to_numpy(object)
        found = {"predicted": points(center, scale)}
        for level, (low, high) in zip(LEVELS, (("lower", "upper"), ("lower_90", "upper_90")), strict=True):
            bounds = self.calibration.bounds(rows, center, deviation, level)
            found[low], found[high] = (points(bound, scale) for bound in bounds)
        near = self.config.confidence_points
        limits = ((native(found["predicted"] + step, scale) - center) / deviation for step in (-near, near))
        return found | {"confidence": self.calibration.probability(rows, *limits)}

    def _place(self, rows: pd.DataFrame) -> tuple[Floats, dict[str, Floats]]:
        """Place of each row, and what it is made of: past_exams, trend, kind, effort."""
        if self.in_use == SHRUNKEN_MEAN:
            nothing = np.zeros(len(rows))
            own = rows["shrunken_place"].to_numpy()
            return own, {"past_exams": own, "trend": nothing, "kind": nothing, "effort": nothing}
        parts = {"past_exams": rows["past"], "trend": rows["form"], "kind": rows["other_kind"]}
        made = {name: part.to_numpy() for name, part in parts.items()}
        place = rows["place"].to_numpy()
        effort = np.zeros(len(rows))
        if self.in_use == BOOSTED and self.trees is not None:
            boosted = self.trees.predict(rows)
            unknown = self.trees.predict(rows.assign(**dict.fromkeys(EFFORT_FEATURES, np.nan)))
            effort = self.trees_weight * (boosted - unknown)
            made["past_exams"] = made["past_exams"] + self.trees_weight * (unknown - place)
            place = (1 - self.trees_weight) * place + self.trees_weight * boosted
        return place, {**made, "effort": effort}

    @property
    def content_hash(self) -> str:
        """Identity of what decides the answers."""
        digest = hashlib.sha256(json.dumps(self._decisive(), sort_keys=True).encode())
        for name, values in sorted(self._arrays().items()):
            digest.update(name.encode() + str(values.dtype).encode() + np.ascontiguousarray(values).tobytes())
        digest.update(self.level.effects.known.to_csv(index=False).encode())
        return digest.hexdigest()

    @property
    def version(self) -> str:
        """Names what answers and the content that decides it."""
        return f"score_predictor-{self.in_use}-{self.content_hash[:12]}"

    def save(self, folder: Path) -> None:
        """Write arrays, exams and manifest into `folder`, which is made when missing."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _ARRAYS).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **self._arrays())
        self.level.effects.known.to_parquet(folder / _EXAMS, index=False)
        manifest = {
            **self._decisive(),
            "content_hash": self.content_hash,
            "metrics": self.metrics,
            "libraries": {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "pandas")},
        }
        (folder / _MANIFEST).write_text(
            json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> ScorePredictor:
        """Read what `save` wrote. Raises ModelMismatchError for another schema version or a changed file."""
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if manifest["schema_version"] != SCHEMA_VERSION:
            raise ModelMismatchError(
                f"{folder} holds a score predictor of schema {manifest['schema_version']}; this code reads "
                f"{SCHEMA_VERSION}. Fit again."
            )
        config = ScorePredictionConfig(
            **{**manifest["config"], "decay_days": tuple(manifest["config"]["decay_days"]),
               "boosting_weights": tuple(manifest["config"]["boosting_weights"])}
        )  # fmt: skip
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            trees = {name.removeprefix("trees/"): arrays[name] for name in arrays if name.startswith("trees/")}
        model = cls(
            as_of=dt.date.fromisoformat(manifest["as_of"]),
            config=config,
            level=_level_from(manifest["level"], pd.read_parquet(folder / _EXAMS), config),
            trees=Trees.from_arrays(trees) if trees else None,
            trees_weight=manifest["trees_weight"],
            calibration=Calibration.from_dict(manifest["calibration"]),
            exam_inflation=manifest["exam_inflation"],
            maps={name: MonotoneMap.from_dict(values) for name, values in manifest["maps"].items()},
            plain_halfwidths=manifest["plain_halfwidths"],
            in_use=manifest["in_use"],
            metrics=manifest["metrics"],
        )
        if model.content_hash != manifest["content_hash"]:
            raise ModelMismatchError(
                f"{folder} was changed after it was written: its hash is not the one in its manifest. Fit again."
            )
        return model

    def _decisive(self) -> dict[str, Any]:
        effects = self.level.effects
        expectations = {
            f"{name}/{scale}": {"center": found.center, "variances": found.variances.tolist()}
            for name, by_scale in (("mean", effects.means), ("log_sd", effects.log_sds))
            for scale, found in by_scale.items()
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "as_of": self.as_of.isoformat(),
            "config": asdict(self.config),
            "level": {
                "as_of": self.level.as_of.date().isoformat(),
                "types": list(self.level.types),
                "components": self.level.components.to_dict(),
                "expectations": expectations,
            },
            "trees_weight": self.trees_weight,
            "calibration": self.calibration.to_dict(),
            "exam_inflation": self.exam_inflation,
            "maps": {name: found.to_dict() for name, found in self.maps.items()},
            "plain_halfwidths": self.plain_halfwidths,
            "in_use": self.in_use,
        }

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {f"trees/{name}": values for name, values in self.trees.arrays().items()} if self.trees else {}


def points(value: Floats, scale: npt.NDArray[np.object_]) -> Floats:
    """Percentile, or raw score, of a value on its exam's scale: 0 to 100."""
    return np.where(scale == PERCENTILE, percentile_of_z(value), np.clip(value, 0.0, 100.0))


def native(value: Floats, scale: npt.NDArray[np.object_]) -> Floats:
    """The inverse of `points`."""
    return np.where(scale == PERCENTILE, z_of_percentile(value), np.clip(value, 0.0, 100.0))


def deviation_of(rows: pd.DataFrame, exam_inflation: float) -> Floats:
    """Deviation that a score is expected to have from its prediction: the student's, the score's and the exam's."""
    within = rows["exam_sd"] ** 2 * (rows["place_variance"] + rows["noise"])
    return np.sqrt(np.asarray(within + exam_inflation * rows["exam_variance"], dtype=np.float64))


def _exam_inflation(rows: pd.DataFrame, error: Floats, config: ScorePredictionConfig) -> float:
    """How many times the variance that was expected of exams' means they had, at least 1: calibration by exam.

    An exam's mean error, less what its students' errors explain, is what its expectation was wrong by.
    """
    by_exam = rows.assign(error=error).groupby(["origin", *EXAM], dropna=False)
    found = by_exam.agg(
        n=("error", "size"), mean=("error", "mean"), var=("error", "var"), expected=("exam_variance", "first")
    )
    found = found[found["n"] >= config.exam_min_scores]
    if found.empty:
        return 1.0
    excess = float((found["mean"] ** 2 - found["var"] / found["n"]).sum())
    prior = config.inflation_prior_exams * float(found["expected"].mean())
    expected = float(found["expected"].sum()) + prior
    # Where exams have never differed nothing is expected, and nothing can be so many times as much.
    return max(1.0, (excess + prior) / expected) if expected > 0 else 1.0


def fit(
    inputs: ScorePredictionInput, config: ScorePredictionConfig | None = None, ledger: Ledger | None = None
) -> ScorePredictor:
    """Fit on all of `inputs`, decide what answers, and calibrate its intervals.

    Earlier days are replayed. Trees that have seen nothing of the newest `calibration_days` are weighed on these days:
    they are averaged in where there are `boosting_min_series` series and the average errs less than level 1 by
    `boosting_min_gain`. What errs least of that and of a shrunken mean answers, and its errors on these days are the
    calibration. `metrics` holds all of it. The trees that answer are then fitted again on all replayed days.
    """
    config = config or ScorePredictionConfig()
    day = pd.Timestamp(inputs.as_of)
    level = fit_level1(inputs.known, day, config)
    rows = replay(inputs, config, level.components.length_days)
    newest = rows["origin"] >= day - pd.Timedelta(days=config.calibration_days)
    earlier = rows[rows["known_date"] < day - pd.Timedelta(days=config.calibration_days)]
    held_out = rows[newest].reset_index(drop=True)
    is_large = earlier.drop_duplicates(SERIES).shape[0] >= config.boosting_min_series
    boosted = fit_trees(earlier, config).predict(held_out) if is_large and len(held_out) else None
    weight, metrics = _weigh(held_out, boosted, config)
    in_use = _choose(metrics)
    is_boosted = in_use == BOOSTED
    center = _center(held_out, in_use, weight, boosted)
    error = held_out["value"].to_numpy(np.float64) - center
    inflation = _exam_inflation(held_out, error, config)
    deviation = deviation_of(held_out, inflation)
    calibration = calibrate(held_out.assign(exam=_exam_numbers(held_out)), error, deviation, config)
    metrics |= {"calibration_rows": calibration.rows, "ledger": ledger.metrics() if ledger else {}}
    return ScorePredictor(
        as_of=inputs.as_of,
        config=config,
        level=level,
        trees=fit_trees(rows, config) if is_boosted else None,
        trees_weight=weight if is_boosted else 0.0,
        calibration=replace(calibration, widening=ledger.widening(config) if ledger else 1.0),
        exam_inflation=inflation,
        maps=_maps(inputs.known),
        plain_halfwidths={
            str(scale): float(np.quantile(np.abs(error[rows.index]), 0.8))
            for scale, rows in held_out.groupby("scale", sort=True)
        },
        in_use=in_use,
        metrics=metrics,
    )


def _weigh(rows: pd.DataFrame, boosted: Floats | None, config: ScorePredictionConfig) -> tuple[float, dict[str, Any]]:
    """The share of boosting, 0 where it does not win, and the errors of all on `rows` with past scores, in points."""
    told = (rows["past_count"] > 0).to_numpy(bool)
    if told.sum() < config.calibration_min_rows:
        return 0.0, {"rows": int(told.sum())}

    def error(place: Floats) -> float:
        scale = rows["scale"].to_numpy(object)[told]
        center = (rows["exam_mean"] + rows["exam_sd"] * place).to_numpy(np.float64)[told]
        return mae(points(rows["value"].to_numpy(np.float64)[told], scale), points(center, scale))

    place = rows["place"].to_numpy(np.float64)
    errors = {BLUP: error(place), SHRUNKEN_MEAN: error(rows["shrunken_place"].to_numpy(np.float64))}
    weight = 0.0
    if boosted is not None:
        by_weight = {w: error((1 - w) * place + w * boosted) for w in config.boosting_weights}
        best = min(by_weight, key=lambda w: (by_weight[w], w))
        errors[BOOSTED] = by_weight[best]
        weight = best if by_weight[best] <= (1 - config.boosting_min_gain) * errors[BLUP] else 0.0
    return weight, {"rows": int(told.sum()), "mae": errors, "boosting_weight": weight}


def _choose(metrics: dict[str, Any]) -> str:
    """What answers; where nothing could be measured it is the baseline."""
    errors = metrics.get("mae")
    if not errors:
        return SHRUNKEN_MEAN
    own = BOOSTED if metrics["boosting_weight"] > 0 else BLUP
    return own if errors[own] < errors[SHRUNKEN_MEAN] else SHRUNKEN_MEAN


def _center(rows: pd.DataFrame, in_use: str, weight: float, boosted: Floats | None) -> Floats:
    place = rows["shrunken_place" if in_use == SHRUNKEN_MEAN else "place"].to_numpy(np.float64)
    if in_use == BOOSTED and boosted is not None:
        place = (1 - weight) * place + weight * boosted
    return np.asarray(rows["exam_mean"] + rows["exam_sd"] * place, dtype=np.float64)


def _exam_numbers(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby(EXAM, dropna=False).ngroup() if len(rows) else pd.Series(dtype="int64")


def _usual(known: pd.DataFrame) -> pd.Series:
    """Mean of all scores known of a scale, subject group and kind."""
    return known.groupby(["scale", *SERIES[1:]])["value"].mean().rename("usual")


def _latest(rows: pd.DataFrame, known: pd.DataFrame) -> Floats:
    """The latest score of each row's series, in points of the row's scale."""
    key = ["scale", *SERIES]
    last = known.groupby(key)["value"].last().rename("latest")
    found = rows[key].join(last, on=key)["latest"].to_numpy(np.float64)
    return points(found, rows["scale"].to_numpy(object))


def _in_points(
    latent: dict[str, Floats], usual: Floats, found: dict[str, Floats], scale: npt.NDArray[np.object_]
) -> dict[str, Floats]:
    """Parts on the exam's scale as points that add up to `predicted` minus `cohort_mean`.

    The map to points is not straight, so that one slope is taken for all parts of a row: that from the cohort's mean to
    the prediction, or the map's own where both are the same.
    """
    whole = sum(latent.values(), np.zeros(len(usual)))
    step = np.where(np.abs(whole) > 1e-6, whole, 1e-3)
    reached = np.where(np.abs(whole) > 1e-6, found["predicted"], points(usual + step, scale))
    slope = (reached - found["cohort_mean"]) / step
    return {name: part * slope for name, part in latent.items()}


def _maps(known: pd.DataFrame) -> dict[str, MonotoneMap]:
    """From percentile to raw and standard score, by `kind/subject group/scale`, where enough scores have both."""
    maps = {}
    placed = known[known["scale"] == PERCENTILE]
    for (kind, group), rows in placed.groupby(["exam_kind", "subject_group"], sort=True):
        for other in (RAW, "standard_score"):
            both = rows.dropna(subset=["percentile", other])
            if len(both) >= _MAP_MIN_SCORES:
                maps[f"{kind}/{group}/{other}"] = fit_map(
                    both["percentile"].to_numpy(np.float64), both[other].to_numpy(np.float64)
                )
    return maps


def _level_from(values: dict[str, Any], exams: pd.DataFrame, config: ScorePredictionConfig) -> Level1:
    means: dict[str, Expectation] = {}
    log_sds: dict[str, Expectation] = {}
    for name, found in values["expectations"].items():
        quantity, scale = name.split("/", 1)
        (means if quantity == "mean" else log_sds)[scale] = expectation(
            exams[exams["scale"] == scale], quantity, found["center"], np.array(found["variances"]), config
        )
    return Level1(
        pd.Timestamp(values["as_of"]),
        ExamEffects(exams, means, log_sds),
        Components.from_dict(values["components"]),
        tuple(values["types"]),
        config,
    )
