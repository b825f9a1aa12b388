"""Mock exams: each sitting's averages, the latest one, its change, and the trend.

Belongs here: mock_summary and the figures that the strategy takes from it. Not here: school.

Of a sitting count 국어, 수학 and the best two 과목 of 탐구; 영어 and 한국사 have 등급 alone, and 영어 counts among the
best three 등급. An area that was not sat leaves null, and `reasons` says which.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from ml_assets.score_analysis import json_text
from ml_assets.score_analysis.config import ScoreAnalysisConfig

_SITTING: Final = ["student_id", "exam_date", "exam_type"]
_AREAS: Final = ("korean", "mathematics", "english", "inquiry")
_ABSOLUTE: Final = "absolute_grade"
_PLACES: Final = {"korean": "place_korean", "mathematics": "place_mathematics", "inquiry": "inquiry_place"}
_FIGURES: Final = {"average": "avgPercentile", "standard": "totalStdScore", "grades": "best3GradeSum"}


def mock_figures(scores: pd.DataFrame, config: ScoreAnalysisConfig) -> pd.DataFrame:
    """One row per student with a mock exam, by student_id: mock_percentile and mock_summary (JSON).

    mock_percentile, 0 to 100, is the average of the latest sitting that has one.
    """
    sittings = _sittings(scores[scores["exam_kind"] == "mock"], config)
    by_student = sittings.groupby("student_id")
    latest = sittings.drop_duplicates("student_id", keep="last").set_index("student_id")
    changes = by_student[list(_FIGURES)].diff().groupby(sittings["student_id"]).tail(1)
    changes = changes.set_axis(latest.index, axis=0)
    previous = by_student["exam_date"].shift().groupby(sittings["student_id"]).tail(1).set_axis(latest.index, axis=0)
    trend = _trend(sittings, config).reindex(latest.index)
    compared = json_text.objects(
        {
            "previousExamDate": _date(previous),
            **{f"{name}Change": json_text.written(changes[column].round(1)) for column, name in _FIGURES.items()},
        }
    )
    reasons = json_text.reasons(
        {
            "avgPercentile": {f"no_{area}": latest[column].isna() for area, column in _PLACES.items()},
            "trend": {"too_few_exams": trend["label"].isna()},
            "comparison": {"one_exam": previous.isna()},
        }
    )
    summary = json_text.objects(
        {
            "examCount": json_text.written(by_student.size()),
            "latestExamDate": _date(latest["exam_date"]),
            "latestExamType": json_text.written(latest["exam_type"]),
            **{name: json_text.written(latest[column]) for column, name in _FIGURES.items()},
            "inquiryCount": json_text.written(latest["inquiry_count"]),
            "trend": json_text.written(trend["label"]),
            "trendChange": json_text.written(trend["change"].round(1)),
            "comparison": np.where(previous.isna(), "null", compared).astype(object),
            "reasons": reasons,
        }
    )
    known = sittings.dropna(subset=["average"]).drop_duplicates("student_id", keep="last").set_index("student_id")
    return pd.DataFrame(
        {
            "mock_percentile": known["average"].reindex(latest.index),
            "mock_summary": pd.Series(summary, index=latest.index, dtype="object"),
        }
    )


def _sittings(rows: pd.DataFrame, config: ScoreAnalysisConfig) -> pd.DataFrame:
    """One row per sitting, oldest first: _SITTING, average, standard, grades, inquiry_count, and the places of _PLACES.

    Several scores of an area, such as a score and its correction, are the best of them; of 탐구 each 과목 is one.
    """
    areas = {config.korean: "korean", config.mathematics: "mathematics", config.english: "english"}
    areas |= dict.fromkeys(config.inquiry, "inquiry")
    known = rows.assign(area=rows["subject_group"].map(areas)).dropna(subset=["area"])
    # A 등급 of 절대평가 is no place among takers.
    known["place"] = known["percentile"].where(known["percentile_basis"].ne(_ABSOLUTE).fillna(True))
    key = [*_SITTING, "area"]
    table = pd.DataFrame(index=pd.MultiIndex.from_frame(rows[_SITTING].drop_duplicates().sort_values(_SITTING)))
    for column, how in (("place", "max"), ("standard_score", "max"), ("rank_grade", "min")):
        best = known.groupby(key)[column].agg(how)
        for area in _AREAS:
            table[f"{column}_{area}"] = best[best.index.get_level_values("area") == area].droplevel("area")
    table = table.join(_best_inquiry(known, config))
    found = pd.DataFrame(
        {
            "average": table[list(_PLACES.values())].mean(axis=1, skipna=False).round(1),
            "standard": table[["standard_score_korean", "standard_score_mathematics", "inquiry_standard"]].sum(
                axis=1, skipna=False
            ),
            "grades": _best_sum(table.filter(like="rank_grade_"), config.best_grades),
            "inquiry_count": table["inquiry_count"].fillna(0),
            **{name: table[name] for name in _PLACES.values()},
        }
    )
    return found.reset_index()


def _best_inquiry(known: pd.DataFrame, config: ScoreAnalysisConfig) -> pd.DataFrame:
    """By sitting: inquiry_place, inquiry_standard and inquiry_count.

    The mean of the best percentiles of 탐구, the sum of the best standard scores, and how many percentiles were taken.
    """
    subjects = known[known["area"] == "inquiry"].groupby([*_SITTING, "subject_id"], dropna=False)
    inquiry = subjects[["place", "standard_score"]].max().reset_index()
    parts = {}
    for column in ("place", "standard_score"):
        best = inquiry.dropna(subset=[column]).sort_values(column, ascending=False, kind="stable")
        parts[column] = best.groupby(_SITTING).head(config.inquiry_count).groupby(_SITTING)[column]
    return pd.DataFrame(
        {
            "inquiry_place": parts["place"].mean(),
            "inquiry_standard": parts["standard_score"].sum(),
            "inquiry_count": parts["place"].size(),
        }
    )


def _best_sum(table: pd.DataFrame, count: int) -> pd.Series:
    """Sum of the `count` least values of each row, NaN where there are fewer."""
    if table.empty:
        return pd.Series(dtype="float64", index=table.index)
    least = np.sort(table.to_numpy(np.float64), axis=1)[:, :count]
    return pd.Series(least.sum(axis=1), index=table.index)


def _trend(sittings: pd.DataFrame, config: ScoreAnalysisConfig) -> pd.DataFrame:
    """By student: change, of the mean of the last sittings from that of those before, and its label.

    Null with fewer than `trend_min_exams` sittings that have an average.
    """
    known = sittings.dropna(subset=["average"])
    ago = known.groupby("student_id").cumcount(ascending=False)
    means = [
        known[(ago >= low) & (ago < low + config.trend_exams)].groupby("student_id")["average"].mean()
        for low in (0, config.trend_exams)
    ]
    enough = known.groupby("student_id").size() >= config.trend_min_exams
    change = (means[0] - means[1]).where(enough)
    label = np.select([change >= config.trend_points, change <= -config.trend_points], ["상승", "하락"], "유지")
    named = pd.Series(label, index=change.index, dtype="object").where(change.notna(), None)
    return pd.DataFrame({"change": change, "label": named})


def _date(days: pd.Series) -> json_text.Texts:
    return json_text.written(days.dt.strftime("%Y-%m-%d"))
