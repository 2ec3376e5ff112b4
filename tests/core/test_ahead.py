"""The next is read while one is worked on; errors come in order, and nothing goes on afterwards."""

import asyncio
from contextlib import aclosing

import pytest

from core.ahead import read_ahead


async def test_each_comes_in_order_and_the_next_is_read_meanwhile() -> None:
    began: list[int] = []

    async def read(key: int) -> int:
        began.append(key)
        return key * 10

    seen: list[tuple[int, list[int]]] = []
    async with aclosing(read_ahead([1, 2, 3], read)) as found:
        async for value in found:
            await asyncio.sleep(0)
            seen.append((value, list(began)))
    assert seen == [(10, [1, 2]), (20, [1, 2, 3]), (30, [1, 2, 3])]
    async with aclosing(read_ahead([], read)) as found:
        assert [value async for value in found] == []


async def test_an_error_comes_at_its_place_and_ends_what_is_read() -> None:
    is_cancelled = asyncio.Event()
    has_begun: list[int] = []

    async def read(key: int) -> int:
        has_begun.append(key)
        if key == 2:
            raise ValueError("two")
        if key == 3:
            try:
                await asyncio.Event().wait()
            finally:
                is_cancelled.set()
        return key

    seen: list[int] = []

    async def go() -> None:
        async with aclosing(read_ahead([1, 2, 3], read)) as found:
            async for value in found:
                seen.append(value)
                await asyncio.sleep(0)

    with pytest.raises(ValueError, match="two"):
        await go()
    assert seen == [1]
    assert is_cancelled.is_set() or has_begun == [1, 2]


async def test_whoever_leaves_early_leaves_nothing_running() -> None:
    ended = asyncio.Event()

    async def read(key: int) -> int:
        if key > 1:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
        return key

    async with aclosing(read_ahead([1, 2], read)) as found:
        async for _ in found:
            await asyncio.sleep(0)
            break
    assert ended.is_set()
