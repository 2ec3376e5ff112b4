"""Work that goes on beside a block, and ends with it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

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
