"""Cron: what is due, and when, also on the days on which the clock is set."""

from datetime import UTC, datetime, timedelta

import pytest

from engine import Cron
from engine.cron import NEVER, compile_cron

AUTUMN = datetime(2026, 10, 24, 22, tzinfo=UTC)  # in the night in which Paris has 2 o'clock twice
SPRING = datetime(2026, 3, 28, 22, tzinfo=UTC)  # in the night in which it has none


def ticks(schedule: str, start: datetime, number: int, zone: str = "Europe/Paris") -> list[str]:
    rule = compile_cron("j", Cron(f"TZ={zone} {schedule}"))
    found: list[datetime] = []
    for _ in range(number):
        found.append(rule.next_after(found[-1] if found else start))
    return [f"{at.astimezone(UTC):%d. %H:%M}" for at in found]


def test_an_hour_that_comes_twice_fires_a_daily_schedule_once() -> None:
    assert ticks("30 2 * * *", AUTUMN, 3) == ["25. 00:30", "26. 01:30", "27. 01:30"]
    assert ticks("0 2,3 * * *", AUTUMN, 3) == ["25. 00:00", "25. 02:00", "26. 01:00"]
    assert ticks("*/30 2 * * *", AUTUMN, 3) == ["25. 00:00", "25. 00:30", "26. 01:00"]


def test_an_hour_that_comes_twice_fires_an_hourly_schedule_twice() -> None:
    assert ticks("0 * * * *", AUTUMN + timedelta(hours=1), 4) == [
        "25. 00:00",
        "25. 01:00",
        "25. 02:00",
        "25. 03:00",
    ]
    assert ticks("*/30 0-23 * * *", AUTUMN + timedelta(hours=1.75), 4) == [
        "25. 00:00",
        "25. 00:30",
        "25. 01:00",
        "25. 01:30",
    ]


def test_a_process_that_starts_in_the_second_hour_does_not_fire_again() -> None:
    assert ticks("30 2 * * *", datetime(2026, 10, 25, 1, 10, tzinfo=UTC), 1) == ["26. 01:30"]


def test_what_falls_into_the_skipped_hour_fires_once_when_it_is_over() -> None:
    assert ticks("30 2 * * *", SPRING, 3) == ["29. 01:00", "30. 00:30", "31. 00:30"]
    assert ticks("0 2,3 * * *", SPRING, 2) == ["29. 01:00", "30. 00:00"]
    assert ticks("0 * * * *", SPRING + timedelta(hours=1), 3) == [
        "29. 00:00",
        "29. 01:00",
        "29. 02:00",
    ]


@pytest.mark.parametrize(
    ("zone", "start", "schedule", "expected"),
    [
        # Half an hour is repeated from 2:00, and comes twice from 1:30.
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 12, tzinfo=UTC), "45 1 * * *", 1),
        # Midnight comes twice, which makes one day of two.
        ("America/Havana", datetime(2026, 11, 1, 3, tzinfo=UTC), "30 0 * * *", 1),
        ("America/New_York", datetime(2026, 11, 1, 3, tzinfo=UTC), "30 1 * * *", 1),
    ],
)
def test_a_day_has_one_tick_of_a_daily_schedule(
    zone: str, start: datetime, schedule: str, expected: int
) -> None:
    rule = compile_cron("j", Cron(f"TZ={zone} {schedule}"))
    day, at, found = start + timedelta(hours=20), start, 0
    while (at := rule.next_after(at)) < day:
        found += 1
    assert found == expected


def test_a_schedule_whose_years_are_over_is_never_due() -> None:
    rule = compile_cron("j", Cron("0 0 1 1 * 0 2030"))
    first = rule.next_after(datetime(2029, 6, 1, tzinfo=UTC))
    assert first == datetime(2030, 1, 1, tzinfo=UTC)
    assert rule.next_after(first) == NEVER
