"""Students, parents and staff of two academies, and how each of them asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row

TENANT, OTHER_TENANT = UUID(int=1), UUID(int=2)
STUDENT, OTHER, NEW, ELSEWHERE, UNSORTED = (UUID(int=100 + n) for n in range(5))
PARENT, OTHER_PARENT = UUID(int=200), UUID(int=201)
CONSULTANT, OTHER_ADMIN, SUPERADMIN, ADMIN = (UUID(int=300 + n) for n in range(4))
REVISION, MATH, ENGLISH, CALCULUS, READING = (UUID(int=400 + n) for n in range(5))
NOBODY = UUID(int=999)

WORLD = """
    insert into public.tenants (id, name) values (%(tenant)s, 'a'), (%(other_tenant)s, 'b');
    insert into public.user_profiles (id, name, role, tenant_id) values
        (%(student)s, '', 'student', %(tenant)s), (%(other)s, '', 'student', %(tenant)s),
        (%(new)s, '', 'student', %(tenant)s), (%(elsewhere)s, '', 'student', %(other_tenant)s),
        (%(unsorted)s, '', 'student', %(tenant)s),
        (%(parent)s, '', 'parent', %(tenant)s), (%(other_parent)s, '', 'parent', %(tenant)s),
        (%(consultant)s, '', 'admin', %(tenant)s), (%(admin)s, '', 'admin', %(tenant)s),
        (%(other_admin)s, '', 'admin', %(other_tenant)s),
        (%(superadmin)s, '', 'admin', null);
    insert into public.students (id, tenant_id, school_type, grade) values
        (%(student)s, %(tenant)s, 'HIGH', 2), (%(other)s, %(tenant)s, 'HIGH', 2), (%(new)s, %(tenant)s, 'high', 2),
        (%(elsewhere)s, %(other_tenant)s, 'HIGH', 2), (%(unsorted)s, %(tenant)s, null, null);
    insert into public.parent_student_links (parent_id, student_id, relation, tenant_id) values
        (%(parent)s, %(student)s, 'mother', %(tenant)s), (%(other_parent)s, %(other)s, 'father', %(tenant)s);
    insert into public.admin_users (id, role, tenant_id) values
        (%(consultant)s, 'consultant', %(tenant)s), (%(admin)s, 'admin', %(tenant)s),
        (%(other_admin)s, 'admin', %(other_tenant)s),
        (%(superadmin)s, 'superadmin', null);
    insert into public.curriculum_revisions (id, name) values (%(revision)s, '2015개정');
    insert into public.subject_groups (id, curriculum_revision_id, name) values
        (%(math)s, %(revision)s, ' 수학 '), (%(english)s, %(revision)s, 'English');
    insert into public.subjects (id, name, subject_group_id) values
        (%(calculus)s, '미적분', %(math)s), (%(reading)s, '독해', %(english)s);
"""
VALUES = {
    "tenant": TENANT, "other_tenant": OTHER_TENANT, "student": STUDENT, "other": OTHER, "new": NEW,
    "elsewhere": ELSEWHERE, "unsorted": UNSORTED, "parent": PARENT, "other_parent": OTHER_PARENT,
    "consultant": CONSULTANT, "admin": ADMIN, "other_admin": OTHER_ADMIN, "superadmin": SUPERADMIN,
    "revision": REVISION, "math": MATH, "english": ENGLISH, "calculus": CALCULUS, "reading": READING,
}  # fmt: skip
PUBLICATION = """
    insert into serving.publication
    values ('run-1', 1, '2026-11-23', now(), now() + interval '1 hour', now(), '', '{}', '{}', '{}', true)
"""


@contextmanager
def signed_in(url: str, claims: str, role: str = "authenticated") -> Iterator[psycopg.Connection[Any]]:
    """One request as PostgREST makes it: a login as authenticator, and for one transaction its role and claims."""
    parts = urlsplit(url)
    password = f":{parts.password}" if parts.password else ""
    login = parts._replace(netloc=f"authenticator{password}@{parts.hostname}:{parts.port}").geturl()
    with psycopg.connect(login, row_factory=namedtuple_row) as connection:
        connection.execute(
            "select set_config('search_path', 'serving', true) as path, set_config('role', %s, true) as role, "
            "set_config('request.jwt.claims', %s, true) as claims",
            [role, claims],
        )
        yield connection


def claims_of(user: UUID | None, role: str = "authenticated") -> str:
    """Claims of the token of a user; None is a token without a subject."""
    return json.dumps({"role": role} | ({} if user is None else {"sub": str(user)}))
