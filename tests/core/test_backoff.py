"""Waits grow, are bounded, and are spread by chance."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backoff import Backoff

seconds = st.floats(min_value=0, max_value=1e9)


def never() -> float:
    return 0.0


def almost_always() -> float:
    return math.nextafter(1.0, 0.0)


def test_each_failure_makes_it_longer_up_to_the_bound() -> None:
    backoff = Backoff(first_s=0.5, longest_s=5, factor=3)
    assert [backoff.whole_s(failures) for failures in (1, 2, 3, 4)] == [0.5, 1.5, 4.5, 5]


def test_chance_picks_between_the_two_ends_of_the_spread() -> None:
    backoff = Backoff(first_s=4, longest_s=100)
    assert backoff.wait_s(1, never) == 3
    assert backoff.wait_s(2, lambda: 0.5) == 8
    assert backoff.wait_s(2, almost_always) == pytest.approx(10)


def test_full_and_equal_jitter_are_spreads() -> None:
    full, equal = (Backoff(first_s=8, longest_s=8, spread=each) for each in ((0, 1), (0.5, 1)))
    assert [full.wait_s(1, never), full.wait_s(1, lambda: 0.25)] == [0, 2]
    assert [equal.wait_s(1, never), equal.wait_s(1, lambda: 0.25)] == [4, 5]


def test_at_the_bound_the_waits_still_differ() -> None:
    backoff = Backoff(first_s=1, longest_s=60)
    waits = {backoff.wait_s(20, random.random) for _ in range(100)}
    assert len(waits) > 90
    assert 36 <= min(waits) < max(waits) <= 60


@given(
    first_s=seconds,
    more_s=seconds,
    factor=st.floats(min_value=1, max_value=1e300),
    low=st.floats(min_value=0, max_value=1),
    high=st.floats(min_value=1, max_value=4),
    failures=st.integers(min_value=1, max_value=10_000),
    part=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_no_wait_is_longer_than_the_bound(
    first_s: float,
    more_s: float,
    factor: float,
    low: float,
    high: float,
    failures: int,
    part: float,
) -> None:
    longest_s = first_s + more_s
    backoff = Backoff(first_s=first_s, longest_s=longest_s, factor=factor, spread=(low, high))
    assert 0 <= backoff.wait_s(failures, lambda: part) <= longest_s * (1 + 1e-12)
    assert min(first_s, longest_s) <= backoff.whole_s(failures) <= longest_s
