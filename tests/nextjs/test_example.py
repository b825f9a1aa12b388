"""The example page of nextjs/, built by Next.js and rendered by a real browser: what a student sees in which case."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.nextjs.conftest import PACKAGE, Run, as_authenticator
from tests.serving.world import CALCULUS, ELSEWHERE, NEW, STUDENT, TENANT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BOOK = "00000000-0000-0000-0000-0000000002bc"
PUBLISHED = f"""
    insert into serving.publication
    values ('run-1', 1, '2026-11-23', now(), now() + interval '1 hour', now(), '', '{{}}', '{{}}', '{{}}', true);
    insert into public.master_books (id, title, is_active, tenant_id, subject_id, total_pages)
    select ('00000000-0000-0000-0000-' || lpad(to_hex(700 + n), 12, '0'))::uuid, '한결 미적분 ' || n + 1 || '권', true,
        '{TENANT}', '{CALCULUS}', 180
    from generate_series(0, 4) as n;
    insert into serving.content_recommendations
    select '{STUDENT}', n + 1, '{TENANT}', 'book', ('00000000-0000-0000-0000-' || lpad(to_hex(700 + n), 12, '0'))::uuid,
        '수학', '{CALCULUS}', n + 1, 1.0 / (n + 1), '[{{"code": "next_in_series"}}]',
        (array['지금 공부하는 교재의 다음 권이에요.', '같은 학년이 이어서 많이 골라요.'])[1 + n % 2], 'personal',
        'run-1', 'rec-1', now()
    from generate_series(0, 4) as n;
    insert into serving.fallback_recommendations values ('{TENANT}', 'HIGH', 2, '수학', 1, 'book', '{BOOK}',
        '{CALCULUS}', 0.4, '[]', '같은 학년이 많이 고른 교재예요.', 'popular', 'run-1', 'rec-1', now());
    insert into serving.score_predictions (
        student_id, subject_group, exam_kind, target_date, tenant_id, current_score, predicted_score, lower, upper,
        lower_90, upper_90, confidence, trend, factors, reasoning, scales, interval_basis, past_exam_count, basis,
        run_id, model_version, computed_at
    )
    select '{STUDENT}', '수학', kind, current_date + days, '{TENANT}', 60, expected, expected - 12, expected + 11,
        expected - 16, expected + 15, 0.7, 'improving', '[]', '지난 시험보다 오를 것으로 보여요.',
        '{{"rank_grade_levels": 9, "rank_grades": [3, 4]}}', 'calibrated', 4, 'hierarchical', 'run-1', 'score-1', now()
    from (values ('mock', 71), ('internal', 64)) as e (kind, expected), unnest(array[0, 60]) as days;
    insert into serving.student_learning_patterns values ('{STUDENT}', '{TENANT}', '{{evening,night}}', '{{1,3}}',
        '{{0,6}}', '{{영어}}', 71.5, 95, 120, '[]', '[]', '[]', null, null, null, null, '{{20,21}}', 40, 0.7,
        '2026-08-31', '2026-11-22', 'measured', 'run-1', 'patterns-1', now(), '{{}}', null,
        '[{{"date": "2026-10-12", "kind": "daily_minutes", "before": 120, "after": 80,
            "text": "10월부터 하루 40분 줄었어요."}}]',
        '[]');
    insert into serving.student_predictions (
        student_id, prediction_type, prediction_date, tenant_id, target_period_start, target_period_end,
        prediction_score, base_score, confidence, contributing_factors, recommended_interventions, basis, reasoning,
        run_id, model_version, computed_at
    ) values ('{STUDENT}', 'weekly_completion', '2026-11-23', '{TENANT}', '2026-11-23', '2026-11-29', 64, 70, 0.6, '[]',
        '[]', 'additive', '이번 주 계획의 64% 정도를 마칠 것으로 보여요.', 'run-1', 'outlook-1', now());
"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed: the example page is not rendered")
    return found


@pytest.fixture(scope="module")
def built(npm: Run) -> None:
    done = npm("npx", "next", "build", "example", DATABASE_URL="")
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def served(url: str, student: object) -> Iterator[str]:
    """Address of the page for this student."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": as_authenticator(url), "EXAMPLE_STUDENT_ID": str(student)}
    command = ["node_modules/.bin/next", "start", "example", "-H", "127.0.0.1", "-p", str(port)]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, cwd=PACKAGE, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}/"
            until = time.monotonic() + 60
            while True:
                try:
                    urllib.request.urlopen(address, timeout=10).close()
                    break
                except OSError:
                    assert time.monotonic() < until, "the page did not come up"
                    assert process.poll() is None, "the server has ended"
                    time.sleep(0.2)
            yield address
        finally:
            process.terminate()


def rendered(browser: str, address: str, name: str) -> str:
    """The page as the browser has it; with TLU_SCREENSHOTS also as a picture in that folder."""
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        folder = os.environ.get("TLU_SCREENSHOTS")
        if folder:
            picture = Path(folder) / f"{name}.png"
            subprocess.run(
                [*command, f"--screenshot={picture}", "--window-size=820,1150", address],
                check=True,
                capture_output=True,
            )
        done = subprocess.run(
            [*command, "--dump-dom", address], check=True, capture_output=True, text=True, timeout=120
        )
    return done.stdout


def test_all_three_answers_and_where_they_come_from(built: None, browser: str, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(PUBLISHED.encode())
    with served(url, STUDENT) as address:
        page = rendered(browser, address, "personal")
        assert page.count('data-source="personal"') == 4
        for text in (
            "한결 미적분 1권",
            "지금 공부하는 교재의 다음 권이에요.",
            "모의고사",
            "내신",
            "71",
            "3–4등급",
            "지난 시험보다 오를 것으로 보여요.",
            "72%",
            "월·수",
            "저녁·밤",
            "10월부터 하루 40분 줄었어요.",
            "이번 주 계획의 64% 정도를 마칠 것으로 보여요.",
        ):
            assert text in page, text
        with psycopg.connect(url) as connection:
            connection.execute("update serving.publication set valid_until = now() - interval '1 minute'")
        assert rendered(browser, address, "stale").count('data-source="stale"') == 4
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop schema serving cascade")
        page = rendered(browser, address, "without-serving")
        assert page.count('data-source="basic"') == 1
        assert "최근에 등록된 교재예요." in page
        assert "한결 미적분" in page
        assert 'data-source="personal"' not in page


@pytest.mark.parametrize(("student", "source"), [(NEW, "cohort"), (ELSEWHERE, "static")])
def test_a_student_without_rows(built: None, browser: str, url: str, student: object, source: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(PUBLISHED.encode())
    with served(url, student) as address:
        page = rendered(browser, address, source)
    assert f'data-source="{source}"' in page
    assert ("같은 학년이 많이 고른 교재예요." in page) == (source == "cohort")
    assert "계획을 며칠 더 실천하면 패턴이 보여요." in page
