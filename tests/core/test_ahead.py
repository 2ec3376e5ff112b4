"""What is read ahead comes in its order, and what goes wrong is told once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.ahead import read_ahead


async def numbers(asked: list[int], count: int) -> AsyncIterator[int]:
    for number in range(count):
        asked.append(number)
        yield number


async def all_of(source: AsyncIterator[int]) -> list[int]:
    async with read_ahead(source) as ahead:
        return [number async for number in ahead]


async def test_everything_comes_in_its_order_and_little_is_read_ahead() -> None:
    asked: list[int] = []
    seen: list[int] = []
    async with read_ahead(numbers(asked, 20)) as ahead:
        async for number in ahead:
            await asyncio.sleep(0)
            seen.append(number)
            assert len(asked) - len(seen) <= 3
    assert seen == list(range(20))


async def test_nothing_is_nothing() -> None:
    assert await all_of(numbers([], 0)) == []


async def test_what_the_source_raises_is_raised_as_it_is() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        await all_of(broken())


async def test_what_the_block_raises_stops_the_source() -> None:
    asked: list[int] = []

    async def one_is_enough() -> None:
        async with read_ahead(numbers(asked, 1_000)) as ahead:
            async for _ in ahead:
                raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        await one_is_enough()
    assert len(asked) < 5


async def test_a_cancel_stays_a_cancel() -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[int]:
        yield 0
        await asyncio.Event().wait()

    async def work() -> None:
        async with read_ahead(endless()) as ahead:
            async for _ in ahead:
                started.set()

    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work())
        await started.wait()
        working.cancel()
    assert working.cancelled()
