"""What a warning says to staff, in Korean and as JSON.

Belongs here: words. Not here: when a warning is raised or ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Texts = npt.NDArray[np.object_]

IMPROVED: Final = "improved"
NO_EVIDENCE: Final = "no_evidence"
LEFT: Final = "student_left"
STAFF_RESOLVED: Final = "staff_resolved"
STAFF_DISMISSED: Final = "staff_dismissed"

RESOLUTIONS: Final[Mapping[str, str]] = {
    IMPROVED: "위험 신호가 사라져 자동으로 종료되었습니다.",
    NO_EVIDENCE: "최근 기록이 부족해 더 판단할 수 없어 자동으로 종료되었습니다.",
    LEFT: "학생이 이 학원의 재원생 명단에 없어 종료되었습니다.",
    STAFF_RESOLVED: "담당 선생님이 조치를 마쳐 종료되었습니다.",
    STAFF_DISMISSED: "담당 선생님이 해당 없음으로 판단해 종료되었습니다.",
}
"""Codes of why a warning ended, and how staff are told."""

_ACTIONS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "completion_drop": (
        ("contact_student", "학생과 짧게 이야기하며 계획을 지키기 어려워진 이유를 확인해 주세요."),
        ("reduce_load", "밀린 계획을 모두 옮기지 말고, 다음 7일의 계획을 최근에 실제로 끝낸 양에 맞춰 줄여 주세요."),
        ("adjust_schedule", "자주 놓치는 요일과 시간대의 계획을 잘 지키는 시간대로 옮겨 주세요."),
    ),
    "streak_break": (
        ("contact_student", "학습이 끊긴 이유(일정, 건강, 의욕)를 오늘 안에 물어봐 주세요."),
        ("restart_small", "다시 시작하기 쉽도록 첫날에는 20분 안에 끝낼 수 있는 과제 하나만 배정해 주세요."),
        ("adjust_schedule", "쉬는 동안 밀린 계획은 2주에 나누어 다시 배치해 주세요."),
    ),
    "subject_struggle": (
        ("check_understanding", "{subject}에서 막히는 단원을 학생과 함께 확인해 주세요."),
        ("adjust_content", "{subject} 교재나 강의의 난이도를 한 단계 낮추거나 앞 단원 복습을 먼저 넣어 주세요."),
        ("adjust_schedule", "{subject} 계획을 집중이 잘되는 시간대에 짧게, 더 자주 배치해 주세요."),
    ),
    "burnout_risk": (
        ("contact_student", "학습 부담과 컨디션을 먼저 물어보고, 필요하면 보호자와도 상의해 주세요."),
        ("reduce_load", "다음 7일의 계획량을 3분의 1 정도 줄이고 하루는 온전히 쉬게 해 주세요."),
        ("adjust_schedule", "밤 11시 이후로 잡힌 계획이 있으면 낮이나 저녁으로 옮겨 주세요."),
    ),
    "schedule_overload": (
        ("reduce_load", "다음 7일의 계획 가운데 급하지 않은 것부터 미뤄 평소 소화하던 양에 맞춰 주세요."),
        ("adjust_schedule", "계획이 몰린 날의 분량을 앞뒤 날로 나누어 주세요."),
        ("contact_student", "이번 주에 꼭 끝낼 것 세 가지를 학생과 함께 정해 주세요."),
    ),
    "exam_unpreparedness": (
        ("prioritise_exam_scope", "{subject} 시험 범위에서 아직 시작하지 않은 단원을 먼저 계획에 넣어 주세요."),
        ("adjust_schedule", "시험 전까지 남은 날에 맞춰 {subject} 학습량을 다시 나누어 주세요."),
        ("contact_student", "남은 기간의 목표를 학생과 현실적으로 다시 정해 주세요."),
    ),
}
"""Codes of what helps, the first one first, and how staff are told. `{subject}` is the subject's name."""

_NO_SUBJECT: Final = "해당 과목"


def recommended_actions(rows: pd.DataFrame) -> Texts:
    """JSON array of each row of warning_type and subject: [{action, priority 1 (first) to 3, text}]."""
    place, unique = pd.factorize(pd.MultiIndex.from_frame(rows[["warning_type", "subject"]]))
    written = [
        json.dumps(
            [
                {"action": action, "priority": priority, "text": text.format(subject=subject or _NO_SUBJECT)}
                for priority, (action, text) in enumerate(_ACTIONS[warning_type], start=1)
            ],
            ensure_ascii=False,
        )
        for warning_type, subject in unique
    ]
    return np.array(written, dtype=object)[place]
