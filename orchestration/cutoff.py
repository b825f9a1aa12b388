"""The cut-off of a run: one instant, kept in a one-row table that every dbt model reads.

Belongs here: what a cut-off is and where it is written. Not here: what is filtered by it (that is dbt's).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

SEOUL = ZoneInfo("Asia/Seoul")


class CutoffError(ValueError):
    """A text that was meant as the date of a cut-off is none."""


@dataclass(frozen=True)
class Cutoff:
    """Everything strictly before 00:00 in Seoul of `date` is known; nothing at or after it is."""

    date: dt.date

    @property
    def at(self) -> dt.datetime:
        """The cut-off as an instant."""
        return dt.datetime.combine(self.date, dt.time.min, tzinfo=SEOUL)

    @classmethod
    def parse(cls, text: str) -> Cutoff:
        """Read `YYYY-MM-DD`. Raises CutoffError for anything else."""
        try:
            return cls(dt.date.fromisoformat(text))
        except ValueError as error:
            raise CutoffError(f"{text!r} is not a date of the form YYYY-MM-DD ({error})") from error

    @classmethod
    def today(cls, now: dt.datetime) -> Cutoff:
        """The day in Seoul of `now`, an aware datetime."""
        return cls(now.astimezone(SEOUL).date())

    def write(self, url: str, schema: str) -> None:
        """Make this the cut-off of the dbt target whose schemas begin with `schema`."""
        control = sql.Identifier(f"{schema}_control")
        table = sql.Identifier(f"{schema}_control", "cutoff")
        with psycopg.connect(url) as connection:
            connection.execute(sql.SQL("create schema if not exists {}").format(control))
            connection.execute(
                sql.SQL(
                    "create table if not exists {} (as_of_date date not null, as_of_at timestamptz not null)"
                ).format(table)
            )
            connection.execute(sql.SQL("delete from {}").format(table))
            connection.execute(sql.SQL("insert into {} values (%s, %s)").format(table), [self.date, self.at])


def read_cutoff(url: str, schema: str) -> Cutoff:
    """The cut-off that the features in `schema` were built for."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            sql.SQL("select as_of_date from {}").format(sql.Identifier(f"{schema}_control", "cutoff"))
        ).fetchone()
    if row is None:
        raise CutoffError(f"{schema}_control.cutoff is empty: the run that builds the features writes it first")
    return Cutoff(row[0])
