"""Work that goes on beside a block, and ends with it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

Work = Callable[[], Awaitable[None]]


@asynccontextmanager
async def in_background(*works: Work) -> AsyncGenerator[None]:
    """Run `works` beside the block; one that breaks ends the block, and so the process."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_coroutine(work)) for work in works]
        try:
            yield
        finally:
            for task in running:
                task.cancel()


async def _coroutine(work: Work) -> None:
    await work()


async def until_one_ends(*works: Coroutine[Any, Any, object]) -> None:
    """Do them side by side until one of them ends; the others are cancelled, and have ended."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(work) for work in works]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()
