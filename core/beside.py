"""An async context that opens beside other work."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


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
