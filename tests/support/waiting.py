"""Waiting for what happens elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(claim: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait for something outside asyncio's sight (another process, a row) to become true."""
    async with asyncio.timeout(timeout_s):
        while not claim():  # noqa: ASYNC110 - nobody sets an event for it
            await asyncio.sleep(0.005)


async def until_answered(ask: Callable[[], Awaitable[bool]], timeout_s: float = 30.0) -> None:
    """Ask again and again, over HTTP for example, until the answer is yes."""
    async with asyncio.timeout(timeout_s):
        while not await ask():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
