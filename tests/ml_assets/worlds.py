"""Small worlds for the recommender's tests: from a log of what was started, planned and shelved to its input."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from ml_assets.recommender.inputs import RecommenderInput

AS_OF = dt.date(2024, 5, 1)


@dataclass
class World:
    """Rows as people would write them; `uses` are (student, content, days before the cut-off), `standings` (student,
    subject group, percentile, whether it is weak), `prerequisites` (academy, content, what comes before it).
    """

    students: list[dict[str, Any]] = field(default_factory=list)
    contents: list[dict[str, Any]] = field(default_factory=list)
    subjects: list[tuple[str, str, str | None]] = field(default_factory=list)
    uses: list[tuple[str, str, int]] = field(default_factory=list)
    shelf: list[tuple[str, str]] = field(default_factory=list)
    standings: list[tuple[str, str, float, bool]] = field(default_factory=list)
    prerequisites: list[tuple[str, str, str]] = field(default_factory=list)

    def student(self, student_id: str, *subjects: tuple[str, str | None], **attributes: Any) -> None:
        self.students.append({"student_id": student_id, "tenant_id": "t1", **attributes})
        self.subjects += [(student_id, group, subject) for group, subject in subjects]

    def content(
        self, content_id: str, group: str | None = "수학", subject: str | None = "미적분", **attributes: Any
    ) -> None:
        row = {"content_id": content_id, "content_type": "book", "is_active": True, "subject_id": f"id of {subject}"}
        self.contents.append({**row, "subject_group": group, "subject": subject, **attributes})

    def interactions(self, before: int = 0) -> pd.DataFrame:
        """What was known `before` days before the cut-off."""
        log = pd.DataFrame(self.uses, columns=["student_id", "content_id", "age"])
        log = log[log["age"] > before]
        log["date"] = pd.Timestamp(AS_OF) - pd.to_timedelta(log["age"], unit="D")
        pairs = log.groupby(["student_id", "content_id"])["date"].agg(["min", "max", "size"]).reset_index()
        pairs.columns = ["student_id", "content_id", "first_done_date", "last_done_date", "done_count"]
        pairs = pairs.assign(first_planned_date=pairs["first_done_date"], planned_count=pairs["done_count"])
        shelf = pd.DataFrame(self.shelf, columns=["student_id", "content_id"]).assign(done_count=0, planned_count=0)
        both = shelf.merge(pairs, on=["student_id", "content_id"], how="left", indicator=True)["_merge"] == "both"
        shelf = shelf[~both.to_numpy()]
        return pd.concat([pairs, shelf], ignore_index=True).assign(done_units=lambda rows: rows["done_count"])

    def weak_subjects(self) -> pd.DataFrame:
        """A need of 1 where the subject group is weak, else 0; who decides what is weak is not of this world."""
        rows = pd.DataFrame(self.standings, columns=["student_id", "subject_group", "percentile", "is_weak"])
        rows = rows.astype({"percentile": "float64", "is_weak": "bool"})
        return rows.assign(
            exam_count=3,
            last_exam_date=AS_OF - dt.timedelta(days=30),
            own_percentile=rows.groupby("student_id")["percentile"].transform("mean"),
            need=rows["is_weak"].astype("float64"),
        )

    def frames(self, before: int = 0) -> dict[str, Any]:
        student_columns = ["student_id", "tenant_id", "school_type", "school_year_level", "curriculum_revision"]
        content_columns = [
            *("content_id", "content_type", "tenant_id", "subject_group", "subject_id", "subject", "difficulty_level"),
            *("school_type", "school_year_min", "school_year_max", "curriculum_revision", "series_name", "title_stem"),
            *("volume_number", "total_units", "is_active"),
        ]
        return {
            "as_of": AS_OF - dt.timedelta(days=before),
            "students": pd.DataFrame(self.students, columns=student_columns),
            "contents": pd.DataFrame(self.contents, columns=content_columns),
            "student_subjects": pd.DataFrame(
                [(*row, *[None] * (4 - len(row))) for row in self.subjects],
                columns=["student_id", "subject_group", "subject", "since_date"],
            ),
            "interactions": self.interactions(before),
            "weak_subjects": self.weak_subjects(),
            "prerequisites": pd.DataFrame(self.prerequisites, columns=["tenant_id", "content_id", "prerequisite_id"]),
        }

    def input(self, before: int = 0) -> RecommenderInput:
        return RecommenderInput(**self.frames(before))


def only(inputs: RecommenderInput, student_id: str) -> RecommenderInput:
    """`inputs` with one student and nobody else's rows."""
    frames = {
        name: frame[frame["student_id"] == student_id]
        for name, frame in vars(inputs).items()
        if name in {"students", "student_subjects", "interactions", "weak_subjects"}
    }
    return replace(inputs, **frames)


def shuffled(inputs: RecommenderInput, seed: int) -> RecommenderInput:
    """`inputs` with the rows of every frame in another order."""
    given = {name: frame for name, frame in vars(inputs).items() if name != "as_of"}
    frames = {name: frame.sample(frac=1, random_state=seed) for name, frame in given.items()}
    return RecommenderInput(as_of=inputs.as_of, **frames)


def paced_class(students: int = 60, contents: int = 24, per_week: int = 4) -> World:
    """Two tracks of one course, each worked through in order; every third student is two weeks behind."""
    world = World()
    for track in "ab":
        for place in range(contents):
            world.content(f"{track}{place:02}")
    for number in range(students):
        name = f"s{number:03}"
        world.student(name, ("수학", "미적분"))
        behind = 14 * (number % 3 == 0)
        for place in range(contents):
            age = 56 - place * 7 // per_week - behind
            world.uses.append((name, f"{'ab'[number % 2]}{place:02}", age))
    return world
