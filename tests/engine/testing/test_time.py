"""Virtual time moves when nothing executes, to the next timer, and says when there is none."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from engine.testing.time import VirtualTime

START = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def driven(time: VirtualTime) -> AsyncGenerator[asyncio.Event]:
    stuck = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        driving = group.create_task(time.drive(stuck.set))
        yield stuck
        driving.cancel()


async def test_sleepers_wake_in_order_of_their_times() -> None:
    time = VirtualTime(START)
    woke: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await time.sleep(nap)
            woke.append((name, time.monotonic()))

    async with driven(time), asyncio.TaskGroup() as group:
        group.create_task(sleeper("a", 3600, 1))
        group.create_task(sleeper("b", 1800, 1800.5))
    assert woke == [("b", 1800), ("a", 3600), ("b", 3600.5), ("a", 3601)]
    assert time.now() == datetime(2026, 1, 1, 1, 0, 1, tzinfo=UTC)


async def test_time_does_not_move_for_a_timer_that_was_dropped() -> None:
    time = VirtualTime(START)
    async with driven(time):
        async with asyncio.TaskGroup() as group:
            group.create_task(time.sleep(3600)).cancel()
        await time.sleep(7200)
        dropped = time.after(1, lambda: None)
        time.drop(dropped)
        await time.sleep(60)
    assert time.monotonic() == 7260


async def test_time_stands_still_while_something_executes() -> None:
    time = VirtualTime(START)
    fired: list[float] = []
    async with driven(time):
        with time.busy():
            time.after(1, lambda: fired.append(time.monotonic()))
            for _ in range(500):
                await asyncio.sleep(0)
            assert (fired, time.monotonic()) == ([], 0)
        await time.sleep(1)
    assert fired == [1]


async def test_it_says_when_nothing_will_ever_happen_and_goes_on_when_something_does() -> None:
    time = VirtualTime(START)
    async with driven(time) as stuck:
        time.touch()
        await stuck.wait()
        await time.sleep(5)
        assert time.monotonic() == 5


async def test_milliseconds_are_exact() -> None:
    time = VirtualTime(datetime(2026, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC))
    began = time.now_ms()
    async with driven(time):
        for number in range(1, 200):
            await time.sleep(0.001)
            assert time.now_ms() == began + number
