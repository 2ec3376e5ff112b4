"""A context that opens beside the block that needs it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from core.beside import opening


class NotOpened(Exception):
    pass


async def test_it_opens_while_the_block_goes_on_and_closes_after_it() -> None:
    happened: list[str] = []
    may_open = asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncGenerator[str]:
        happened.append("begun")
        await may_open.wait()
        yield "value"
        happened.append("closed")

    async with opening(slow()) as value:
        happened.append("block")
        may_open.set()
        assert await value == "value"
        happened.append("end of block")
    assert happened == ["begun", "block", "end of block", "closed"]


async def test_when_it_does_not_open_the_block_ends_with_its_error() -> None:
    @asynccontextmanager
    async def broken() -> AsyncGenerator[str]:
        await asyncio.sleep(0)
        raise NotOpened
        yield "never"

    went_on = False

    async def block() -> None:
        nonlocal went_on
        async with opening(broken()) as value:
            await value
            went_on = True

    with pytest.raises(ExceptionGroup) as caught:
        await block()
    assert [type(error) for error in caught.value.exceptions] == [NotOpened]
    assert not went_on


async def test_it_is_closed_when_the_block_fails_or_is_cancelled() -> None:
    closed = 0

    @asynccontextmanager
    async def counted() -> AsyncGenerator[str]:
        nonlocal closed
        try:
            yield "value"
        finally:
            closed += 1

    is_open = asyncio.Event()

    async def failing() -> None:
        async with opening(counted()) as value:
            await value
            raise NotOpened

    async def waiting() -> None:
        async with opening(counted()) as value:
            await value
            is_open.set()
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup):
        await failing()
    assert closed == 1
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(waiting())
        await is_open.wait()
        task.cancel()
    assert closed == 2
