"""How tests listen to realtime channels."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from engine import (
    Engine,
    Message,
    Messages,
)
from tests.engine.realtime_worker import build

SEVEN = build.of("7")


async def take(messages: AsyncIterator[Message[Any]], count: int) -> list[Any]:
    """The data of the next messages."""
    async with asyncio.timeout(5):
        return [(await anext(messages)).data for _ in range(count)]


async def rest_of(engine: Engine, messages: Messages[Any]) -> list[Any]:
    """The data of what is on the way."""
    await engine.publish(messages.address.channel, "lines", "the end")
    got: list[Any] = []
    while got[-1:] != ["the end"]:
        got += await take(messages, 1)
    return got[:-1]
