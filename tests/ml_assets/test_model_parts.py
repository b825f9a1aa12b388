"""Sums, rates and links against brute force and other libraries."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from sklearn.linear_model import Ridge

from ml_assets.recommender.candidates import World as Encoded
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.links import LinkSums, history, linked_contents, next_starts, ridge_links, sum_links
from ml_assets.recommender.popularity import StartCounts, count_starts, start_rates, start_shares
from tests.ml_assets.strategies import random_worlds, worlds
from tests.ml_assets.worlds import World, only, paced_class

COUNTS = StartCounts(
    starts=np.array([[[3.0, 0.0], [0.0, 0.0]]] * 3),
    past_starts=np.array([[4.0, 0.0], [0.0, 2.0]]),
    cohort_starts=np.array([[6.0, 0.0], [0.0, 3.0]]),
    waiting=np.array([[2.0, 5.0], [4.0, 4.0]]),
    recent_starters=np.zeros(2, np.int64),
    starters=np.zeros(2, np.int64),
    recent_users=np.zeros(2, np.int64),
)


def test_rates_are_shrunk_step_by_step() -> None:
    # A half-life of one day: the weights 1/2, 1/4, ... are one day at risk for each who waits, and two for a start.
    config = RecommenderConfig(background_half_life_days=1, prior_student_days=10)
    overall = 6 / (6 + 9 + 2 * 4 + 2 * 2)
    background = np.array([(4 + 10 * overall) / (6 + 2 * 4 + 10), (2 + 10 * overall) / (9 + 2 * 2 + 10)])
    course = np.array([(3 + 10 * background[0]) / (6 + 2 * 3 + 10), (0 + 10 * background[1]) / (9 + 0 + 10)])
    first = [(3 + 10 * course[0]) / (2 + 2 * 3 + 10), 10 * course[1] / (5 + 10)]
    second = [10 * course[0] / (4 + 10), 10 * course[1] / (4 + 10)]
    np.testing.assert_allclose(start_rates(COUNTS, config)[0], [first, second, course])


def test_shares_are_of_all_students_of_a_context() -> None:
    config = RecommenderConfig(prior_students=10)
    expected = [[(6 + 10 * 0.1) / 30, 10 * 0.05 / 30], [10 * 0.1 / 50, (3 + 10 * 0.05) / 50], [0.1, 0.05]]
    np.testing.assert_allclose(start_shares(COUNTS, np.array([20.0, 40.0]), config), expected)


def test_what_most_have_begun_and_the_rest_begin_now_outranks_what_few_begin() -> None:
    world = World()
    world.content("nearly everybody")
    world.content("nearly nobody")
    for number in range(40):
        world.student(f"s{number}", ("수학", "미적분"))
        world.uses += [(f"s{number}", "nearly everybody", 1 if number >= 36 else 60)] if number < 38 else []
        world.uses += [(f"s{number}", "nearly nobody", 1)] if number < 5 else []
    encoded = Encoded(world.input())
    (course,) = encoded.courses()
    counts = count_starts(course, np.zeros(len(course.learners), np.int64), 1, RecommenderConfig())
    everybody, nobody = start_rates(counts, RecommenderConfig(prior_student_days=1))[0, -1]
    assert counts.recent_starters.tolist() == [2, 5]
    assert everybody > nobody


@random_worlds
@given(worlds())
def test_counts_add_up_over_students(world: World) -> None:
    config = RecommenderConfig()
    inputs = world.input()
    everyone = sorted({*inputs.students["student_id"], *inputs.interactions["student_id"]})
    parts: dict[tuple[str, str], list[StartCounts]] = {}
    for student in everyone:
        for course in Encoded(only(inputs, student)).courses():
            parts.setdefault(course.name, []).append(
                count_starts(course, np.zeros(len(course.learners), np.int64), 1, config)
            )
    for course in Encoded(inputs).courses():
        whole = count_starts(course, np.zeros(len(course.learners), np.int64), 1, config)
        total = parts[course.name][0]
        for part in parts[course.name][1:]:
            total += part
        for name, value in vars(whole).items():
            np.testing.assert_allclose(getattr(total, name), value, err_msg=name)


def test_what_counts_as_lately_and_as_soon_after() -> None:
    world = World()
    for name in ("start", "soon", "late"):
        world.content(name)
    for number in range(5):
        world.student(f"s{number}", ("수학", "미적분"))
        world.uses += [(f"s{number}", "start", 28), (f"s{number}", "soon", 14), (f"s{number}", "late", 13)]
        world.uses += [(f"s{number}", "start", 15), (f"s{number}", "start", 14 if number else 15)]
    (course,) = Encoded(world.input()).courses()
    names = ["late", "soon", "start"]
    counts = count_starts(course, np.zeros(5, np.int64), 1, RecommenderConfig())
    assert dict(zip(names, counts.recent_starters.tolist(), strict=True)) == {"late": 5, "soon": 5, "start": 0}
    assert dict(zip(names, counts.recent_users.tolist(), strict=True)) == {"late": 5, "soon": 5, "start": 4}
    assert counts.starters.tolist() == [5, 5, 5]
    source, target, students = next_starts(course, RecommenderConfig(next_days=14))
    found = [(names[a], names[b], n) for a, b, n in zip(source, target, students, strict=True)]
    assert found == [("soon", "late", 5), ("start", "soon", 5)]


@random_worlds
@given(worlds())
def test_next_starts_are_those_counted_one_by_one(world: World) -> None:
    config = RecommenderConfig(min_support=1, next_days=10)
    for course in Encoded(world.input()).courses():
        ages = course.ages(slice(0, len(course.learners)))
        expected = {}
        for first, second in permutations(range(len(course.contents)), 2):
            both = ages[np.isfinite(ages[:, [first, second]]).all(axis=1)]
            days = both[:, first] - both[:, second]
            if count := int(((days > 0) & (days <= 10)).sum()):
                expected[first, second] = count
        source, target, students = next_starts(course, config)
        pairs = zip(source.tolist(), target.tolist(), strict=True)
        assert dict(zip(pairs, students.tolist(), strict=True)) == expected


def test_links_are_those_of_ridge_regression() -> None:
    config = RecommenderConfig(ridge_per_content=0.75, transition_windows=2, transition_discount=0.25)
    rng = np.random.default_rng(7)
    ages = np.where(rng.random((50, 4)) < 0.7, rng.integers(1, 40, (50, 4)), np.inf).astype(float)
    inputs, targets, weights = [], [], []
    for start, end, weight in ((7, 0, 1.0), (14, 7, 0.25)):
        for row in ages:
            if not (row <= start + config.engaged_days).any():
                continue
            seen = [age - start if age > start else np.inf for age in row]
            inputs.append([2 ** (-age / 7) for age in seen] + [float(np.isfinite(age)) for age in seen])
            targets.append([float(end < age <= start) for age in row])
            weights.append(weight)
    reference = Ridge(alpha=3.0, solver="cholesky").fit(inputs, targets, sample_weight=weights)
    links = ridge_links(sum_links(ages, np.zeros(50, bool), config), config)
    np.testing.assert_allclose(links.bias, reference.intercept_, atol=1e-7)
    np.testing.assert_allclose(links.weights, reference.coef_.T, atol=1e-7)
    np.testing.assert_allclose(
        links.bias + history(ages, config) @ links.weights, reference.predict(history(ages, config)), atol=1e-7
    )


def test_link_sums_add_up_over_students() -> None:
    config = RecommenderConfig()
    (course,) = Encoded(paced_class().input()).courses()
    ages = course.ages(slice(0, len(course.learners)))
    total: LinkSums | None = None
    for chunk in course.chunks(7):
        part = sum_links(course.ages(chunk), course.is_member[chunk], config)
        total = part if total is None else total + part
    whole = sum_links(ages, course.is_member, config)
    assert total is not None
    np.testing.assert_allclose(total.gram, whole.gram)
    np.testing.assert_allclose(total.cross, whole.cross)


def test_links_lead_to_what_follows() -> None:
    config = RecommenderConfig(ridge_per_content=0.5)
    # Whoever started the first content started the second within the week, and nobody else did.
    ages = np.array([[10.0, 3.0]] * 10 + [[np.inf, np.inf]] * 10)
    links = ridge_links(sum_links(ages, np.ones(20, bool), config), config)
    now = history(np.array([[2.0, np.inf], [np.inf, np.inf]]), config)
    chance = (links.bias + now @ links.weights)[:, 1]
    assert chance[0] > 0.5 > 0.2 > chance[1]


def test_rare_contents_are_not_linked_and_the_most_started_come_first() -> None:
    starters = np.array([4, 9, 5, 30, 9])
    assert linked_contents(starters, RecommenderConfig()).tolist() == [1, 2, 3, 4]
    assert linked_contents(starters, RecommenderConfig(max_linked_contents=2)).tolist() == [1, 3]


def test_impossible_settings_are_all_named() -> None:
    with pytest.raises(ValueError, match=r"ridge_per_content must be above 0.*per_subject_group"):
        RecommenderConfig(ridge_per_content=0, per_subject_group=60)
