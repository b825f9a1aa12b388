from __future__ import annotations

import psycopg
import pytest

from orchestration.raw_contract import RawContractError, SourceTable, check_raw_contract


def table(name: str, *columns: str, is_required: bool = True) -> SourceTable:
    return SourceTable(name, "", is_required, dict.fromkeys(columns, "text"))


def test_everything_missing_is_named_at_once(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table students (id uuid)")
        connection.execute("create table student_goals (id uuid)")
    contract = [
        table("students", "id", "grade"),
        table("tenants", "id"),
        table("student_plan", "id"),
        table("student_goals", "id", "subject", is_required=False),
    ]
    missing = r"tables student_plan, tenants and columns student_goals\.subject, students\.grade"
    with pytest.raises(RawContractError, match=missing):
        check_raw_contract(postgres_url, contract)


def test_a_complete_database_passes(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table students (id uuid, grade int, extra text)")
    assert check_raw_contract(postgres_url, [table("students", "id", "grade")]) == frozenset()


def test_an_optional_table_may_be_lacking_and_is_named(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table students (id uuid)")
    contract = [table("students", "id"), table("student_goals", "id", is_required=False)]
    assert check_raw_contract(postgres_url, contract) == frozenset({"student_goals"})
