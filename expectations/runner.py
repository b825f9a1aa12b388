"""Suites applied to a frame or to a Postgres table, by Great Expectations.

Belongs here: all that knows Great Expectations, and turning its results into outcomes. Not here: what is asked.

It is imported inside functions: that costs seconds, which whoever only lists the suites should not pay. Every call
works in a context of its own, held in memory and thrown away. No value of a row leaves: results are asked for without
examples, and of an exception only its type is told, since its message may quote a row.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, Final

import pandas as pd
import psycopg
import sqlalchemy as sa
from psycopg import sql

from expectations.outcome import Failure, ValidationOutcome
from expectations.spec import Expectation, FrameRule, SuiteSpec, at_least_rows

# Counts, and no example of an unexpected value. BOOLEAN_ONLY would run as many aggregates and tell no counts.
_RESULT_FORMAT: Final = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
# The first line of a chained traceback that names an exception names its root cause.
_EXCEPTION_TYPE: Final = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)", re.MULTILINE)
_CHECKS: Final[dict[str, str]] = {
    "row_count": "ExpectTableRowCountToBeBetween",
    "columns": "ExpectTableColumnsToMatchOrderedList",
    "not_null": "ExpectColumnValuesToNotBeNull",
    "between": "ExpectColumnValuesToBeBetween",
    "one_of": "ExpectColumnValuesToBeInSet",
}
_PLACE: Final = "place"
_VIEW: Final = "checked"
_SEVERITIES: Final = ("critical", "warning", "info")
_READABLE_COLUMNS: Final = """
    select attribute.attname
    from pg_catalog.pg_attribute as attribute
    inner join pg_catalog.pg_class as relation on attribute.attrelid = relation.oid
    inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
    where
        namespace.nspname = %s
        and relation.relname = %s
        and attribute.attnum > 0
        and not attribute.attisdropped
        and has_schema_privilege(namespace.oid, 'usage')
        and has_column_privilege(relation.oid, attribute.attnum, 'select')
    order by attribute.attnum
"""


def validate_frame(frame: pd.DataFrame, suite: SuiteSpec) -> ValidationOutcome:
    """What of `suite` holds in `frame`. The index is not looked at; a missing column is a critical failure."""
    missing = _missing(suite, frame.columns)
    asset = _context().data_sources.add_pandas("frame").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("frame").get_batch({"dataframe": frame})
    _, failures = _evaluate(batch, suite, missing, in_table=False)
    broken = [_broken(rule, frame) for rule in suite.rules if not missing.intersection(rule.columns)]
    return _outcome(suite, len(frame), [*_absent(missing), *failures, *filter(None, broken)])


def validate_table(url: str, schema: str, table: str, suite: SuiteSpec) -> ValidationOutcome:
    """What of `suite` holds in a Postgres table, counted by the database; no row is fetched.

    `url` is a libpq URL (postgresql://user:password@host:port/db); the role needs SELECT on the columns that
    the suite asks about. A table or column that is missing, or hidden from the role, is a critical failure.

    Raises ValueError for a suite with rules, which only frames can be asked, and psycopg.OperationalError when the
    database cannot be reached.
    """
    if suite.rules:
        raise ValueError(f"Suite {suite.name} has rules for frames: {', '.join(rule.name for rule in suite.rules)}.")
    with psycopg.connect(url) as connection:
        columns = [name for (name,) in connection.execute(_READABLE_COLUMNS, [schema, table])]
        user = connection.info.user
    if not columns:
        detail = f"table {schema}.{table} must exist and this role must be allowed to read it"
        return _outcome(suite, 0, [Failure("table_exists", None, "critical", "no such table", detail)])
    missing = _missing(suite, columns)
    with _table(_connection_string(url, user), schema, table, columns) as batch:
        rows, failures = _evaluate(batch, suite, missing, in_table=True)
    return _outcome(suite, rows, [*_absent(missing), *failures])


@contextmanager
def _table(connection_string: str, schema: str, table: str, columns: Sequence[str]) -> Iterator[Any]:
    """The columns of a table as a batch; its connections are closed afterwards.

    The library selects every column of a table, also those that the role may not see. So it is shown a view that has
    only these, which lives as long as the one connection of each of its engines.
    """
    view = sql.SQL("create temporary view {} as select {} from {}").format(
        sql.Identifier(_VIEW), sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(schema, table)
    )
    source = _context().data_sources.add_postgres(
        "table", connection_string=connection_string, kwargs={"poolclass": sa.StaticPool}
    )
    engines = (source.get_engine(), source.get_execution_engine().engine)  # with the first it tries the table
    try:
        for engine in engines:
            with engine.begin() as connection:
                connection.exec_driver_sql(view.as_string())
        yield source.add_table_asset(_VIEW).add_batch_definition_whole_table(_VIEW).get_batch()
    finally:
        for engine in engines:
            engine.dispose()


def _evaluate(batch: Any, suite: SuiteSpec, missing: frozenset[str], *, in_table: bool) -> tuple[int, list[Failure]]:
    """Number of rows in `batch`, and what does not hold of that part of `suite` which needs no missing column."""
    asked = [
        at_least_rows(suite.min_rows),
        *(each for each in suite.expectations if not missing.intersection(each.columns)),
    ]
    checks = [_check(each, in_table=in_table, place=place) for place, each in enumerate(asked)]
    results = batch.validate(
        _great_expectations().ExpectationSuite(suite.name, expectations=checks), result_format=_RESULT_FORMAT
    ).results
    # Results come back in an order of their own.
    by_place = {result.expectation_config.meta[_PLACE]: result for result in results}
    failures = [_failure(each, by_place[place]) for place, each in enumerate(asked) if not by_place[place].success]
    return int(by_place[0].result.get("observed_value", 0)), failures


def _check(expectation: Expectation, *, in_table: bool, place: int) -> Any:
    """The check of Great Expectations for `expectation`, marked with its place among those asked."""
    gxe = _great_expectations().expectations
    marks: dict[str, Any] = {"severity": expectation.severity, "meta": {_PLACE: place}}
    if expectation.kind != "unique":
        return getattr(gxe, _CHECKS[expectation.kind])(**expectation.arguments, **marks)
    columns = list(expectation.columns)
    if in_table:
        return _repeated_keys()(unexpected_rows_query=_repeated_keys_query(columns), **marks)
    if len(columns) == 1:
        return gxe.ExpectColumnValuesToBeUnique(column=columns[0], **marks)
    return gxe.ExpectCompoundColumnsToBeUnique(column_list=columns, **marks)


def _repeated_keys_query(columns: Sequence[str]) -> str:
    keys = ", ".join(f'"{column}"' for column in columns)
    return f"select 1 as key from {{batch}} group by {keys} having count(*) > 1"


@cache
def _repeated_keys() -> Any:
    """Check that a query finds no rows, from their number alone.

    The ready check for compound keys joins the table with its own groups, and the ready check for queries runs its
    query twice, once to fetch rows: 16 s and 13 s for 3 million rows with two uuid, where counting takes 6 s.
    """

    class ExpectNoRepeatedKeys(_great_expectations().expectations.UnexpectedRowsExpectation):  # type: ignore[misc]
        metric_dependencies = ("unexpected_rows_query.row_count",)

        def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
            repeated = int(metrics["unexpected_rows_query.row_count"])
            return {"success": repeated == 0, "result": {"observed_value": repeated}}

    return ExpectNoRepeatedKeys


def _failure(expectation: Expectation, result: Any) -> Failure:
    """`result`, which is no success, in our words: counts and names of columns only."""
    column = ", ".join(expectation.columns) or None
    found = result.result
    if "unexpected_count" in found:
        observed = f"{found['unexpected_count']:,} of {found['element_count']:,} rows"
    elif "observed_value" in found:
        observed = _in_words(expectation, found["observed_value"])
    else:
        causes = ", ".join(_exception_types(result.exception_info)) or "no result"
        return Failure(expectation.kind, column, "critical", f"could not be evaluated ({causes})", expectation.rule)
    return Failure(expectation.kind, column, expectation.severity, observed, expectation.rule)


def _in_words(expectation: Expectation, observed: Any) -> str:
    if expectation.kind == "columns":
        return f"columns {', '.join(map(str, observed))}"
    return f"{observed:,} {'keys more than once' if expectation.kind == 'unique' else 'rows'}"


def _exception_types(exception_info: Any) -> list[str]:
    """Types of the exceptions that Great Expectations caught. One that raised is nested under the id of its metric."""
    nested = [exception_info, *(each for each in exception_info.values() if isinstance(each, dict))]
    traces = [each["exception_traceback"] for each in nested if each.get("exception_traceback")]
    found = (_EXCEPTION_TYPE.search(trace.replace("Traceback (most recent call last):", "")) for trace in traces)
    return sorted({match.group(1) for match in found if match})


def _broken(rule: FrameRule, rows: pd.DataFrame) -> Failure | None:
    violations = rule.violations(rows)
    if not violations:
        return None
    observed = f"{violations:,} of {len(rows):,} rows"
    return Failure(rule.name, ", ".join(rule.columns), rule.severity, observed, rule.rule)


def _missing(suite: SuiteSpec, columns: Iterable[str]) -> frozenset[str]:
    return frozenset(suite.needed_columns).difference(columns)


def _absent(missing: Iterable[str]) -> list[Failure]:
    return [
        Failure("column_exists", column, "critical", "no such column", "must exist and be readable")
        for column in sorted(missing)
    ]


def _outcome(suite: SuiteSpec, rows: int, failures: Iterable[Failure]) -> ValidationOutcome:
    return ValidationOutcome(
        suite=suite.name,
        rows=rows,
        failures=tuple(sorted(failures, key=lambda failure: _SEVERITIES.index(failure.severity))),
        # The number of rows is always asked about.
        evaluated=1 + len(suite.needed_columns) + len(suite.expectations) + len(suite.rules),
    )


def _connection_string(url: str, user: str) -> str:
    """`url` for SQLAlchemy with psycopg 3. Great Expectations refuses a URL without a user, or with a blank."""
    parsed = sa.make_url(url).set(drivername="postgresql+psycopg", username=user)
    return parsed.render_as_string(hide_password=False).replace(" ", "%20")


@cache
def _great_expectations() -> Any:
    """The library, told to stay quiet and to report to nobody."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # Read when it is imported.
    # It logs what it then returns as results, with the values that we leave out. Setting a level is not enough: some
    # of its loggers set their own.
    log = logging.getLogger("great_expectations")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    return import_module("great_expectations")


def _context() -> Any:
    """A context that keeps everything in memory and draws no progress bars."""
    context = _great_expectations().get_context(mode="ephemeral")
    settings = import_module("great_expectations.data_context.types.base")
    context.variables.progress_bars = settings.ProgressBarsConfig(globally=False)
    return context
