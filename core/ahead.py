"""Reading what comes next while what came is worked on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


async def read_ahead(keys: Iterable[K], read: Callable[[K], Awaitable[T]]) -> AsyncGenerator[T]:
    """What `read` gives for each key, in order; the next is read while the block has one.

    To be used with `aclosing`: whatever ends it, no reading goes on afterwards.

    Raises: what `read` raises, at the place of its key.
    """

    async def one(key: K) -> T:
        return await read(key)

    loop = asyncio.get_running_loop()
    current: asyncio.Task[T] | None = None
    following: asyncio.Task[T] | None = None
    try:
        for key in keys:
            current, following = following, loop.create_task(one(key))
            if current is not None:
                yield await current
        if following is not None:
            yield await following
    finally:
        for reading in (current, following):
            if reading is not None and not reading.done():
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([reading])
