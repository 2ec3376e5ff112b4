"""Reading a provider's stream without waiting for ever for its next event."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

DRAIN_S = (
    0.5  # after the last event: the end of the response frees the connection for the next turn
)


@dataclass(frozen=True)
class Limits:
    """Seconds until the response begins, and between its events."""

    first_byte_s: float
    idle_s: float


class Silence(Exception):
    """Nothing came for too long."""


async def within(events: AsyncIterable[T], limit_s: Callable[[], float]) -> AsyncGenerator[T, None]:
    """The events, each of which has to come within `limit_s()` seconds of being waited for.

    Raises:
        Silence: the next one did not.
    """
    iterator = aiter(events)
    while True:
        limit = limit_s()
        try:
            async with asyncio.timeout(limit):
                event = await anext(iterator)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Silence(f"no sign of an answer for {limit:g} s") from error
        yield event
