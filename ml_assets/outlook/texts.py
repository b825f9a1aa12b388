"""Korean words of the outlook: what moves a prediction, what may help, and one sentence for each.

Belongs here: wording. Not here: numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ml_assets.outlook import outcomes

Texts = npt.NDArray[np.object_]

FACTORS: Final = {
    "recent_activity": "최근에 공부한 날",
    "amount_of_work": "최근에 마친 계획의 양",
    "change_of_work": "학습량의 변화",
    "plan_completion": "계획 완료율",
    "study_time": "공부 시간과 시간대",
    "exam_results": "시험 성적",
    "missed_exams": "응시하지 않은 시험",
    "course_stage": "수강 기간",
    "coming_load": "다가오는 주의 계획량",
    "subject_completion": "이 교과의 완료율",
    "subject_change": "이 교과 완료율의 변화",
    "subject_load": "이 교과의 계획량",
    "other_subjects": "다른 교과의 완료율",
    "latest_result": "최근 시험과 평소 수준의 차이",
}
"""What a group of features is called; `features.FACTORS` and its siblings say what is in it."""


@dataclass(frozen=True)
class Intervention:
    """Something that may help: its code, how soon (1 first), and what to say."""

    code: str
    priority: int
    text: str


INTERVENTIONS: Final = {
    "recent_activity": Intervention("contact_student", 1, "학생에게 연락해 요즘 학습 상황을 확인해 보세요."),
    "amount_of_work": Intervention("contact_student", 1, "학생에게 연락해 요즘 학습 상황을 확인해 보세요."),
    "change_of_work": Intervention("review_plan", 1, "학습량이 달라진 까닭을 함께 살펴보고 계획을 조정해 보세요."),
    "plan_completion": Intervention("reduce_load", 2, "하루 계획을 조금 줄여 끝까지 마치는 경험을 늘려 보세요."),
    "study_time": Intervention("adjust_schedule", 2, "공부 시간대와 휴식 시간을 함께 조정해 보세요."),
    "exam_results": Intervention("review_exam", 2, "최근 시험의 틀린 문제를 함께 정리해 보세요."),
    "missed_exams": Intervention("check_exam", 1, "응시하지 않은 시험이 있는지 확인하고 보충 일정을 잡아 보세요."),
    "course_stage": Intervention("set_goal", 3, "남은 기간의 목표를 다시 정해 보세요."),
    "coming_load": Intervention("reduce_load", 1, "다가오는 주의 계획이 많으니 급하지 않은 계획을 미뤄 보세요."),
    "subject_completion": Intervention("focus_subject", 1, "이 교과의 분량을 나누어 매일 조금씩 하도록 해 보세요."),
    "subject_change": Intervention("focus_subject", 1, "이 교과의 분량을 나누어 매일 조금씩 하도록 해 보세요."),
    "subject_load": Intervention("reduce_load", 2, "이 교과의 계획량을 줄여 보세요."),
    "other_subjects": Intervention("adjust_schedule", 3, "교과 사이의 계획 비중을 다시 나누어 보세요."),
    "latest_result": Intervention("review_exam", 1, "최근 시험의 틀린 문제를 함께 정리해 보세요."),
}
"""What may help against the factor that weighs most on a student."""

SENTENCES: Final = {
    outcomes.SILENCE: "앞으로 4주 안에 학습을 멈출 가능성은 {score}%로 보입니다(비슷한 학생 평균 {base}%).",
    outcomes.WEEK: "다음 7일 계획의 {score}%를 마칠 것으로 보입니다(비슷한 학생 평균 {base}%).",
    outcomes.STRUGGLE: "{subject} 계획을 앞으로 4주 동안 절반도 마치지 못할 가능성은 {score}%입니다(평균 {base}%).",
    outcomes.READY: "다음 시험에서 평소 수준 이상을 받을 교과는 {score}%로 예상됩니다(평균 {base}%).",
}

RISES_WITH_RISK: Final = {
    outcomes.SILENCE: True,
    outcomes.WEEK: False,
    outcomes.STRUGGLE: True,
    outcomes.READY: False,
}
"""Whether a higher score is worse."""


def filled(template: str, words: Mapping[str, Texts]) -> Texts:
    """`template` with its marks, such as {score}, replaced by the texts of each row."""
    rows = len(next(iter(words.values())))
    told: Texts = np.full(rows, "", dtype=object)
    for piece in re.split(r"(\{\w+\})", template):
        told = told + words.get(piece, np.full(rows, piece, dtype=object))
    return told


def written(values: npt.NDArray[np.float64]) -> Texts:
    """Numbers as JSON has them, each different one written once; null for unknown ones."""
    unique, place = np.unique(values, return_inverse=True)
    texts: Texts = np.array(["null" if np.isnan(value) else f"{value:g}" for value in unique], dtype=object)
    return texts[place] if len(unique) else texts
