"""Who may be recommended what: students and contents as numbers, one course at a time.

Belongs here: ids to positions, courses, eligibility. Not here: what is good for whom.

A course is a subject within a subject group, or, for contents without a subject, the group alone. A student who
studies a whole group studies every course of it; who studies one course of a group is offered the others as well, since
that is where the next subject comes from. Dense arrays are students × contents of one course, for some students at a
time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.recommender.inputs import RecommenderInput

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

UNKNOWN_TYPE, UNKNOWN_LEVEL = "", 0
_NOWHERE = -1


@dataclass(frozen=True)
class Course:
    """A course with the learners who study it, are offered it or have started something in it.

    `is_member` studies the course, `is_offered` any course of its subject group. `learners` are positions in
    `World.learner_ids`, ascending; `contents` positions in `World.contents`, in order of their id. The remaining arrays
    have one entry per known pair of learner and content, in order of learner: positions in `learners` and `contents`,
    and days before the cut-off of the first and the last use (infinite: never used).
    """

    subject_group: str
    subject: str
    contents: Ints
    learners: Ints
    is_member: Bools
    is_offered: Bools
    rows: Ints
    columns: Ints
    first_age: Floats
    last_age: Floats

    @property
    def name(self) -> tuple[str, str]:
        """Subject group and subject; the subject is empty for the group alone."""
        return self.subject_group, self.subject

    def chunks(self, size: int) -> Iterator[slice]:
        """Slices of `learners`, each of at most `size`."""
        return (slice(low, min(low + size, len(self.learners))) for low in range(0, len(self.learners), size))

    def ages(self, chunk: slice) -> Floats:
        """Days before the cut-off at which each learner of the chunk started each content; infinite for never."""
        pairs = self._pairs(chunk)
        return self._dense(chunk, self.rows[pairs], self.columns[pairs], self.first_age[pairs], np.inf)

    def known(self, chunk: slice) -> Bools:
        """Which contents are not new to each learner of the chunk."""
        pairs = self._pairs(chunk)
        return self._dense(chunk, self.rows[pairs], self.columns[pairs], np.ones(pairs.stop - pairs.start), 0.0) > 0

    def _pairs(self, chunk: slice) -> slice:
        return slice(*np.searchsorted(self.rows, [chunk.start, chunk.stop]).tolist())

    def _dense(self, chunk: slice, rows: Ints, columns: Ints, values: Floats, empty: float) -> Floats:
        dense = np.full((chunk.stop - chunk.start, len(self.contents)), empty)
        dense[rows - chunk.start, columns] = values
        return dense


@dataclass(frozen=True)
class Audience:
    """Attributes of students, or of groups of them, that contents may ask for: one entry each, codes as in `World`."""

    tenant: Ints
    school_type: Ints
    level: Ints
    revision: Ints

    def __getitem__(self, rows: Any) -> Audience:
        """The same for some entries, or with an axis more; `rows` as NumPy takes it."""
        return Audience(self.tenant[rows], self.school_type[rows], self.level[rows], self.revision[rows])


class World:
    """The frames of one input as arrays."""

    def __init__(self, inputs: RecommenderInput) -> None:
        """Encode `inputs`; learners are listed students and those who only left interactions, in order of id."""
        self.inputs = inputs
        self.contents = inputs.contents
        ids = np.union1d(_text(inputs.students["student_id"]), _text(inputs.interactions["student_id"]))
        self.learner_ids = _index(ids)
        students = inputs.students.set_index("student_id").reindex(self.learner_ids)
        self.is_listed: Bools = self.learner_ids.isin(inputs.students["student_id"])
        self.contexts = list(
            zip(
                students["school_type"].fillna(UNKNOWN_TYPE).tolist(),
                students["school_year_level"].fillna(UNKNOWN_LEVEL).astype(int).tolist(),
                strict=True,
            )
        )
        self.learners = self.audience(students)

    def audience(self, groups: pd.DataFrame) -> Audience:
        """Codes of the columns tenant_id, school_type, school_year_level and curriculum_revision of `groups`."""
        return Audience(
            tenant=_positions(self._tenants, groups["tenant_id"]),
            school_type=_positions(self._school_types, groups["school_type"]),
            level=_numbers(groups["school_year_level"]),
            revision=_numbers(groups["curriculum_revision"]),
        )

    def eligible(self, audience: Audience, contents: Ints) -> Bools:
        """Active, of the tenant or everybody's, and not known to be for someone else; both sides are broadcast."""
        offered = self._offered[contents]
        low, high = (bound[contents] for bound in self._level_bounds)

        def fits(wanted: Ints, given: Ints) -> Bools:
            result: Bools = (wanted == given) | (wanted < 0) | (given < 0)
            return result

        level = audience.level
        eligible: Bools = (
            self.contents["is_active"].to_numpy(dtype=bool)[contents]
            & ((offered.tenant == audience.tenant) | (offered.tenant == _NOWHERE))
            & ((level < 0) | ((level >= low) & ((high < 0) | (level <= high))))
            & fits(offered.school_type, audience.school_type)
            & fits(offered.revision, audience.revision)
        )
        return eligible

    def courses(self) -> Iterator[Course]:
        """Every course that has contents, in order of name."""
        interactions = self.inputs.interactions
        content = self.content_positions(interactions["content_id"])
        learner = self.learner_positions(interactions["student_id"])
        first, last = (_age(interactions[column], self.inputs) for column in ("first_done_date", "last_done_date"))
        pairs_of = _groups(self._course_of_content[content], len(self._course_names))
        contents_of = _groups(self._course_of_content, len(self._course_names))
        members_of, offered_to = self._members(), self._offered_to()
        for number, (subject_group, subject) in enumerate(self._course_names):
            pairs, contents, members = pairs_of[number], contents_of[number], members_of[number]
            offered = offered_to.get(subject_group, members)
            started = learner[pairs[np.isfinite(first[pairs])]]
            learners = np.union1d(np.union1d(members, offered), started)
            pairs = pairs[np.isin(learner[pairs], learners)]
            yield Course(
                subject_group=subject_group,
                subject=subject,
                contents=contents,
                learners=learners,
                is_member=np.isin(learners, members),
                is_offered=np.isin(learners, offered),
                rows=np.searchsorted(learners, learner[pairs]),
                columns=np.searchsorted(contents, content[pairs]),
                first_age=first[pairs],
                last_age=last[pairs],
            )

    def content_positions(self, ids: pd.Series[str]) -> Ints:
        """Positions in `contents`."""
        return _positions(_index(_text(self.contents["content_id"])), ids)

    def tenant_positions(self, ids: pd.Series[str]) -> Ints:
        """Numbers of academies as in `learners`; -1 for one that has neither students nor contents."""
        return _positions(self._tenants, ids)

    def learner_positions(self, ids: pd.Series[str]) -> Ints:
        """Positions in `learner_ids`; -1 for who is none."""
        return _positions(self.learner_ids, ids)

    @cached_property
    def subject_groups(self) -> pd.Index[Any]:
        """Names of the subject groups that have contents, in order."""
        return _names(self.contents["subject_group"])

    @cached_property
    def group_of_content(self) -> Ints:
        """Position in `subject_groups` of each content; -1 for a content without one."""
        return self.subject_group_positions(self.contents["subject_group"])

    def subject_group_positions(self, names: pd.Series[str]) -> Ints:
        """Positions in `subject_groups`; -1 for a group without contents."""
        return _positions(self.subject_groups, names)

    @cached_property
    def previous_volume(self) -> Ints:
        """Position of the volume before each content in its series, -1 where there is none.

        A series is what has the same type, subject group, tenant and title but for the volume.
        """
        contents = self.contents
        key = ["content_type", "subject_group", "tenant_id", "title_stem", "volume_number"]
        volumes = contents[key].assign(position=np.arange(len(contents)))
        volumes = volumes.dropna(subset=["title_stem", "volume_number"])
        earlier = volumes.drop_duplicates(key).assign(volume_number=lambda rows: rows["volume_number"] + 1)
        found = volumes.merge(earlier, on=key, suffixes=("", "_before"))
        previous = np.full(len(contents), _NOWHERE, dtype=np.int64)
        previous[found["position"].to_numpy()] = found["position_before"].to_numpy()
        return previous

    @cached_property
    def _offered(self) -> Audience:
        return self.audience(self.contents.assign(school_year_level=None))

    @cached_property
    def _level_bounds(self) -> tuple[Ints, Ints]:
        return _numbers(self.contents["school_year_min"]), _numbers(self.contents["school_year_max"])

    @cached_property
    def _tenants(self) -> pd.Index[Any]:
        return _names(self.inputs.students["tenant_id"], self.inputs.contents["tenant_id"])

    @cached_property
    def _school_types(self) -> pd.Index[Any]:
        return _names(self.inputs.students["school_type"], self.inputs.contents["school_type"])

    @cached_property
    def _course_names(self) -> list[tuple[str, str]]:
        named = self.contents.dropna(subset=["subject_group"])
        return sorted(set(zip(named["subject_group"], named["subject"].fillna(""), strict=True)))

    @cached_property
    def _course_of_content(self) -> Ints:
        number = {name: position for position, name in enumerate(self._course_names)}
        names = zip(self.contents["subject_group"].fillna(""), self.contents["subject"].fillna(""), strict=True)
        return np.array([number.get(name, _NOWHERE) for name in names], dtype=np.int64)

    def _members(self) -> list[Ints]:
        """Learners who study each course: those who name its subject, and those who name its whole group."""
        courses = (
            pd.DataFrame(self._course_names, columns=["subject_group", "subject"]).rename_axis("course").reset_index()
        )
        subjects = self.inputs.student_subjects
        named = subjects.dropna(subset=["subject"]).merge(courses, on=["subject_group", "subject"])
        whole = subjects[subjects["subject"].isna()].merge(courses, on="subject_group")
        studied = pd.concat([named[["student_id", "course"]], whole[["student_id", "course"]]]).drop_duplicates()
        studied = studied[studied["student_id"].isin(self.inputs.students["student_id"])]
        learner = _positions(self.learner_ids, studied["student_id"])
        return [np.sort(learner[rows]) for rows in _groups(studied["course"].to_numpy(dtype=np.int64), len(courses))]

    def _offered_to(self) -> dict[str, Ints]:
        """Learners who study each subject group, or anything in it."""
        subjects = self.inputs.student_subjects
        studied = subjects.loc[subjects["student_id"].isin(self.inputs.students["student_id"])]
        pairs = studied[["student_id", "subject_group"]].drop_duplicates()
        learner = self.learner_positions(pairs["student_id"])
        return {str(g): np.sort(learner[rows]) for g, rows in pairs.groupby("subject_group").indices.items()}


def _groups(group_of: Ints, count: int) -> list[Ints]:
    """Positions of each group 0 to `count` - 1, ascending; entries below 0 belong to none."""
    order = np.argsort(group_of, kind="stable")
    bounds = np.searchsorted(group_of[order], np.arange(count + 1))
    return [order[low:high] for low, high in pairwise(bounds.tolist())]


def _age(dates: pd.Series[pd.Timestamp], inputs: RecommenderInput) -> Floats:
    days = (pd.Timestamp(inputs.as_of) - dates).dt.days.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(days), np.inf, days)


def _names(*columns: pd.Series[str]) -> pd.Index[Any]:
    return _index(np.unique(np.concatenate([_text(column.dropna()) for column in columns])))


def _index(names: npt.NDArray[Any]) -> pd.Index[Any]:
    index: pd.Index[Any] = pd.Index(names, dtype=object)
    return index


def _positions(index: pd.Index[Any], names: pd.Series[str]) -> Ints:
    """Where each name stands in `index`; -1 for null and for what is not there."""
    return index.get_indexer(pd.Index(names, dtype=object)).astype(np.int64)


def _text(column: pd.Series[str]) -> npt.NDArray[np.object_]:
    return column.to_numpy(dtype=object)


def _numbers(column: pd.Series[int]) -> Ints:
    return np.asarray(column.astype("Int64").fillna(_NOWHERE), dtype=np.int64)
