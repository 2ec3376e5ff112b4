"""How long is waited between attempts."""

import pytest

from llm.retry import Patience


def test_waits_grow_to_a_cap_and_end() -> None:
    patience = Patience(attempts=6, first_s=1, factor=2, cap_s=5)
    waits = [patience.wait_s(attempt, None, spent_s=0) for attempt in range(1, 7)]
    assert waits[-1] is None
    for wait, whole in zip(waits[:-1], [1, 2, 4, 5, 5], strict=True):
        assert wait is not None
        assert whole * 0.75 <= wait <= whole


@pytest.mark.parametrize(("asked", "waits"), [(7.5, 7.5), (30, 30), (31, None)])
def test_the_providers_wait_is_kept_within_its_bound(asked: float, waits: float | None) -> None:
    assert Patience(retry_after_cap_s=30).wait_s(1, asked, spent_s=0) == waits


def test_a_provider_that_asks_for_no_wait_is_not_hammered() -> None:
    wait_s = Patience(first_s=2).wait_s(1, 0, spent_s=0)
    assert wait_s is not None
    assert wait_s >= 1.5


def test_the_last_attempt_is_the_last_even_if_the_provider_names_a_wait() -> None:
    assert Patience(attempts=2).wait_s(2, 1, spent_s=0) is None


def test_no_attempt_starts_once_the_budget_is_spent() -> None:
    patience = Patience(attempts=9, budget_s=10, first_s=1)
    assert patience.wait_s(1, None, spent_s=8.5) is not None
    assert patience.wait_s(1, None, spent_s=9.5) is None
    assert patience.wait_s(1, 3, spent_s=8) is None
