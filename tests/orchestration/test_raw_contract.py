from __future__ import annotations

import psycopg
import pytest

from orchestration.raw_contract import RawContractError, check_raw_contract


def test_everything_missing_is_named_at_once(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table students (id uuid)")
    required = {"students": ("id", "grade"), "tenants": ("id",), "student_plan": ("id",)}
    with pytest.raises(RawContractError, match=r"tables student_plan, tenants and columns students\.grade"):
        check_raw_contract(postgres_url, required)


def test_a_complete_database_passes(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table students (id uuid, grade int, extra text)")
    check_raw_contract(postgres_url, {"students": ("id", "grade")})
