"""Reading ahead: the next thing is on its way while the one before is worked on."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class _End(Generic[T]):
    """Nothing follows."""


@asynccontextmanager
async def read_ahead(source: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T]]:
    """What the source gives, in its order; it is asked for two things more than were taken.

    What the source raises is raised in the block, or at its end. The source is left in the middle
    when the block ends before it does.
    """
    waiting: asyncio.Queue[T | _End[T]] = asyncio.Queue(maxsize=1)  # one more is on its way

    async def fill() -> None:
        async for each in source:
            await waiting.put(each)
        await waiting.put(_End())

    async def taken() -> AsyncIterator[T]:
        while not isinstance(each := await waiting.get(), _End):
            yield each

    try:
        async with asyncio.TaskGroup() as tasks:
            filling = tasks.create_task(fill())
            try:
                yield taken()
            finally:
                filling.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None  # one of the two says enough
