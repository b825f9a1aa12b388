"""Students whom a generated academy lacks: those of whom little, much, or something odd is known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import psycopg

_STATEMENTS = Path(__file__).with_suffix(".sql")

ONE_PLAN = "00000000-0000-4000-8000-000000000001"
TEN_YEARS = "00000000-0000-4000-8000-000000000002"
CHECKBOXES = "00000000-0000-4000-8000-000000000003"
# One person in two academies.
IN_ONE, IN_ANOTHER = "00000000-0000-4000-8000-000000000004", "00000000-0000-4000-8000-000000000005"
BACK_AGAIN = "00000000-0000-4000-8000-000000000006"
NO_PLAN = "00000000-0000-4000-8000-000000000007"


def insert_peculiar_students(url: str, as_of: dt.date) -> None:
    """Add them to a loaded sample, as they are to be seen from the cut-off `as_of`."""
    with psycopg.connect(url) as connection:
        connection.execute(_STATEMENTS.read_text("utf-8").encode() % {b"as_of": f"date '{as_of}'".encode()})
