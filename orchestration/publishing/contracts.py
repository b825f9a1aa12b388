"""What each published table holds: the one place that candidate, gate, SQL and migrations are compared with.

Belongs here: names, types and ownership of columns. Not here: statements (sql.py) or files (candidate.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

PostgresType = Literal[
    "uuid", "text", "boolean", "smallint", "integer", "real", "date", "timestamptz", "jsonb", "text[]", "integer[]"
]

# How a column travels in a candidate. uuid and jsonb are text in Postgres' own notation; large_string, because 20 M
# sentences do not fit the 2 GiB of a string column. The texts of arrays are names of a few letters, which do; a time is
# an instant to the microsecond, as Postgres has it.
ARROW_TYPES: dict[PostgresType, pa.DataType] = {
    "uuid": pa.large_string(),
    "text": pa.large_string(),
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "real": pa.float32(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", "UTC"),
    "jsonb": pa.large_string(),
    "text[]": pa.list_(pa.string()),
    "integer[]": pa.list_(pa.int32()),
}


@dataclass(frozen=True)
class Column:
    """A column of a published table."""

    name: str
    type: PostgresType
    is_nullable: bool = False


@dataclass(frozen=True)
class Owner:
    """Whose a row is: `column` holds ids of the app's table `public.<app_table>`."""

    column: str
    app_table: str


@dataclass(frozen=True)
class PublishedTable:
    """A table of `serving`, without the columns of origin, which the publisher fills in.

    `key` identifies a row, `payload` is what is compared; both are hashed. Every table has a `tenant_id`. `model` is
    the model of the manifest whose version the rows carry. A table that need not have rows at all `may_be_empty`; of
    one that `may_shrink` any number of rows may go from one day to the next. `due` is the key column with the day that
    a row is about, where there is one: once it is over the row goes, which is no loss.
    """

    name: str
    key: tuple[Column, ...]
    payload: tuple[Column, ...]
    owner: Owner
    model: str
    may_be_empty: bool = False
    may_shrink: bool = False
    due: str | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """Key and payload, in the order in which a candidate holds them."""
        return self.key + self.payload

    @property
    def key_names(self) -> tuple[str, ...]:
        """Names of the key columns."""
        return tuple(column.name for column in self.key)

    @property
    def payload_names(self) -> tuple[str, ...]:
        """Names of the payload columns."""
        return tuple(column.name for column in self.payload)

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema of this table in a candidate."""
        return pa.schema([pa.field(c.name, ARROW_TYPES[c.type], nullable=c.is_nullable) for c in self.columns])


# Of the run that last changed a row: neither compared nor hashed, so that an unchanged row is left alone.
ORIGIN = ("run_id", "model_version", "computed_at")

STUDENTS = Owner("student_id", "students")
TENANTS = Owner("tenant_id", "tenants")

_CONTENT_OF_STUDENT = (
    Column("tenant_id", "uuid"),
    Column("content_type", "text"),
    Column("content_id", "uuid"),
    Column("subject_group", "text", is_nullable=True),
    Column("subject_id", "uuid", is_nullable=True),
)
CONTENT_RECOMMENDATIONS = PublishedTable(
    name="content_recommendations",
    key=(Column("student_id", "uuid"), Column("rank", "smallint")),
    payload=(
        *_CONTENT_OF_STUDENT,
        Column("subject_rank", "smallint", is_nullable=True),
        Column("score", "real"),
        Column("reasons", "jsonb"),
        Column("reasoning", "text"),
        Column("source", "text"),
    ),
    owner=STUDENTS,
    model="recommender",
)
FALLBACK_RECOMMENDATIONS = PublishedTable(
    name="fallback_recommendations",
    key=(
        Column("tenant_id", "uuid"),
        Column("school_type", "text"),
        Column("school_year_level", "smallint"),
        Column("subject_group", "text"),
        Column("rank", "smallint"),
    ),
    payload=(
        Column("content_type", "text"),
        Column("content_id", "uuid"),
        Column("subject_id", "uuid", is_nullable=True),
        Column("score", "real"),
        Column("reasons", "jsonb"),
        Column("reasoning", "text"),
        Column("source", "text"),
    ),
    owner=TENANTS,
    model="recommender",
)
CONTENT_RESUMPTIONS = PublishedTable(
    name="content_resumptions",
    key=(Column("student_id", "uuid"), Column("rank", "smallint")),
    payload=(
        *_CONTENT_OF_STUDENT,
        Column("done_share", "real", is_nullable=True),
        Column("last_done_date", "text"),
        Column("reasons", "jsonb"),
        Column("reasoning", "text"),
    ),
    owner=STUDENTS,
    model="recommender",
    may_be_empty=True,
    may_shrink=True,
)
_BOUNDS = (
    Column("predicted_score", "real"),
    Column("lower", "real"),
    Column("upper", "real"),
    Column("lower_90", "real"),
    Column("upper_90", "real"),
    Column("confidence", "real"),
)
# An academy without scores has neither of these. A cohort of five loses its rows with one student.
SCORE_PREDICTIONS = PublishedTable(
    name="score_predictions",
    key=(
        Column("student_id", "uuid"),
        Column("subject_group", "text"),
        Column("exam_kind", "text"),
        Column("target_date", "date"),
    ),
    payload=(
        Column("tenant_id", "uuid"),
        Column("current_score", "real", is_nullable=True),
        *_BOUNDS,
        Column("trend", "text"),
        Column("factors", "jsonb"),
        Column("reasoning", "text"),
        Column("scale", "text"),
        Column("scales", "jsonb"),
        Column("exam_type", "text", is_nullable=True),
        Column("interval_basis", "text"),
        Column("past_exam_count", "smallint"),
        Column("basis", "text"),
    ),
    owner=STUDENTS,
    model="score_predictor",
    may_be_empty=True,
    due="target_date",
)
FALLBACK_SCORE_PREDICTIONS = PublishedTable(
    name="fallback_score_predictions",
    key=(
        Column("tenant_id", "uuid"),
        Column("school_type", "text"),
        Column("school_year_level", "smallint"),
        Column("subject_group", "text"),
        Column("exam_kind", "text"),
    ),
    payload=(
        *_BOUNDS,
        Column("reasoning", "text"),
        Column("scale", "text"),
        Column("scales", "jsonb"),
        Column("interval_basis", "text"),
        Column("student_count", "integer"),
        Column("basis", "text"),
    ),
    owner=TENANTS,
    model="score_predictor",
    may_be_empty=True,
    may_shrink=True,
)
_HABITS = (
    Column("preferred_study_times", "text[]"),
    Column("strong_days", "integer[]"),
    Column("weak_days", "integer[]"),
)
STUDENT_LEARNING_PATTERNS = PublishedTable(
    name="student_learning_patterns",
    key=(Column("student_id", "uuid"),),
    payload=(
        Column("tenant_id", "uuid"),
        *_HABITS,
        Column("frequently_incomplete_subjects", "text[]"),
        Column("overall_completion_rate", "real", is_nullable=True),
        Column("average_daily_study_minutes", "integer", is_nullable=True),
        Column("total_plans_analyzed", "integer"),
        Column("study_time_analysis", "jsonb"),
        Column("day_analysis", "jsonb"),
        Column("subject_completion_analysis", "jsonb"),
        Column("daily_completion_curve", "jsonb", is_nullable=True),
        Column("weekly_pattern", "jsonb", is_nullable=True),
        Column("subject_performance_trend", "jsonb", is_nullable=True),
        Column("fatigue_indicators", "jsonb", is_nullable=True),
        Column("peak_productivity_hours", "integer[]"),
        Column("avg_session_duration_minutes", "integer", is_nullable=True),
        Column("avg_weekly_completion_rate", "real", is_nullable=True),
        Column("analyzed_period_start", "text"),
        Column("analyzed_period_end", "text"),
        Column("evidence", "jsonb"),
        Column("weekly_rhythm", "jsonb", is_nullable=True),
        Column("change_points", "jsonb"),
        Column("realistic_minutes", "jsonb"),
        Column("basis", "text"),
    ),
    owner=STUDENTS,
    model="learning_patterns",
    may_be_empty=True,
)
FALLBACK_LEARNING_PATTERNS = PublishedTable(
    name="fallback_learning_patterns",
    key=(Column("tenant_id", "uuid"), Column("school_type", "text"), Column("school_year_level", "smallint")),
    payload=(
        *_HABITS,
        Column("overall_completion_rate", "real", is_nullable=True),
        Column("average_daily_study_minutes", "integer", is_nullable=True),
        Column("peak_productivity_hours", "integer[]"),
        Column("avg_session_duration_minutes", "integer", is_nullable=True),
        Column("student_count", "integer"),
        Column("basis", "text"),
    ),
    owner=TENANTS,
    model="learning_patterns",
    may_be_empty=True,
    may_shrink=True,
)
STUDENT_RISK_ANALYSIS = PublishedTable(
    name="student_risk_analysis",
    key=(Column("student_id", "uuid"), Column("subject", "text")),
    payload=(
        Column("tenant_id", "uuid"),
        Column("risk_score", "real", is_nullable=True),
        Column("recent_grade_trend", "smallint"),
        Column("consistency_score", "real", is_nullable=True),
        Column("mastery_estimate", "real", is_nullable=True),
        Column("recent_3_avg_grade", "real", is_nullable=True),
        Column("grade_change", "real", is_nullable=True),
        Column("score_variance", "real", is_nullable=True),
        Column("improvement_rate", "real", is_nullable=True),
        Column("factors", "jsonb"),
        Column("is_weak", "boolean"),
        Column("score_count", "integer"),
        Column("legacy_risk_score", "real", is_nullable=True),
        Column("legacy_differences", "jsonb"),
        Column("reasoning", "text"),
        Column("basis", "text"),
    ),
    owner=STUDENTS,
    model="subject_risk",
    may_be_empty=True,
)
SCORE_SUMMARIES = PublishedTable(
    name="score_summaries",
    key=(Column("student_id", "uuid"),),
    payload=(
        Column("tenant_id", "uuid"),
        Column("internal_summary", "jsonb", is_nullable=True),
        Column("mock_summary", "jsonb", is_nullable=True),
        Column("strategy_summary", "jsonb", is_nullable=True),
        Column("peer_comparison", "jsonb", is_nullable=True),
    ),
    owner=STUDENTS,
    model="score_analysis",
    may_be_empty=True,
)
# What is past is kept for a time, here and among warnings, and then goes: after a silence of weeks much of it at once.
STUDENT_PREDICTIONS = PublishedTable(
    name="student_predictions",
    key=(Column("student_id", "uuid"), Column("prediction_type", "text"), Column("prediction_date", "date")),
    payload=(
        Column("tenant_id", "uuid"),
        Column("subject", "text", is_nullable=True),
        Column("target_period_start", "text"),
        Column("target_period_end", "text"),
        Column("prediction_score", "real"),
        Column("base_score", "real"),
        Column("confidence", "real"),
        Column("contributing_factors", "jsonb"),
        Column("recommended_interventions", "jsonb"),
        Column("reasoning", "text"),
        Column("basis", "text"),
        Column("actual_outcome", "real", is_nullable=True),
    ),
    owner=STUDENTS,
    model="outlook",
    may_be_empty=True,
    may_shrink=True,
)
EARLY_WARNINGS = PublishedTable(
    name="early_warnings",
    key=(
        Column("student_id", "uuid"),
        Column("warning_type", "text"),
        Column("subject", "text"),
        Column("detected_date", "date"),
    ),
    payload=(
        Column("id", "uuid"),
        Column("tenant_id", "uuid"),
        Column("severity", "text"),
        Column("probability", "real"),
        Column("detected_at", "timestamptz"),
        Column("resolved_at", "timestamptz", is_nullable=True),
        Column("context_data", "jsonb"),
        Column("recommended_actions", "jsonb"),
        Column("reasoning", "text"),
    ),
    owner=STUDENTS,
    model="early_warnings",
    may_be_empty=True,
    may_shrink=True,
)
# A handful of rows an academy, of which one is a large share.
WARNING_RULE_REVIEWS = PublishedTable(
    name="warning_rule_reviews",
    key=(Column("tenant_id", "uuid"), Column("month", "text"), Column("warning_type", "text")),
    payload=(
        Column("raised_count", "integer"),
        Column("resolved_count", "integer"),
        Column("confirmed_count", "integer"),
        Column("dismissed_count", "integer"),
        Column("precision_share", "real", is_nullable=True),
        Column("median_lead_days", "real", is_nullable=True),
        Column("threshold", "real"),
        Column("proposed_threshold", "real", is_nullable=True),
        Column("proposed_precision_share", "real", is_nullable=True),
    ),
    owner=TENANTS,
    model="early_warnings",
    may_be_empty=True,
    may_shrink=True,
)
PUBLISHED_TABLES = (
    CONTENT_RECOMMENDATIONS,
    FALLBACK_RECOMMENDATIONS,
    CONTENT_RESUMPTIONS,
    SCORE_PREDICTIONS,
    FALLBACK_SCORE_PREDICTIONS,
    STUDENT_LEARNING_PATTERNS,
    FALLBACK_LEARNING_PATTERNS,
    STUDENT_RISK_ANALYSIS,
    SCORE_SUMMARIES,
    STUDENT_PREDICTIONS,
    EARLY_WARNINGS,
    WARNING_RULE_REVIEWS,
)
