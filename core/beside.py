"""Two things that are done beside one another."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def both(one: Coroutine[Any, Any, T], other: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """Do both; the first that fails ends the other, and its error comes out as it is."""
    try:
        async with asyncio.TaskGroup() as tasks:
            done = tasks.create_task(one), tasks.create_task(other)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return done[0].result(), done[1].result()


@asynccontextmanager
async def opening(context: AbstractAsyncContextManager[T]) -> AsyncGenerator[Awaitable[T]]:
    """Open `context` while the block goes on; awaiting what this gives waits for its value.

    It has begun to open when the block begins, and is closed when the block ends. When it fails,
    the block is cancelled and the error comes out of it, in a group.
    """
    opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    has_ended = asyncio.Event()

    async def hold() -> None:
        async with context as value:
            opened.set_result(value)
            await has_ended.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hold())
        await asyncio.sleep(0)  # its first part runs: a block that begins with work would delay it
        try:
            yield opened
        finally:
            has_ended.set()
