"""Ids that sort by when they were made."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from core import ids
from core.ids import OrderedIds


def test_each_is_greater_than_those_before_it() -> None:
    of = OrderedIds()
    made = [of.new("evt") for _ in range(5_000)]
    assert made == sorted(set(made))
    assert all(len(each) == len("evt_") + 32 for each in made)


def test_a_clock_that_is_set_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    of, times = OrderedIds(), iter([2_000, 2_000, 1_000, 3_000])
    monkeypatch.setattr(ids, "time_ns", lambda: next(times) * 1_000_000)
    made = [of.new("evt") for _ in range(4)]
    assert all(earlier < later for earlier, later in pairwise(made))
    assert int(made[3][4:16], 16) == 3_000


def test_threads_never_make_one_twice() -> None:
    of = OrderedIds()

    def another(_: int) -> str:
        return of.new("evt")

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(another, range(2_000)))
    assert len(set(made)) == 2_000
