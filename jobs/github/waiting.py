"""A job whose step GitHub takes no request of waits for it asleep."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from engine import JobContext

T = TypeVar("T")


@dataclass(frozen=True)
class Waiting:
    """GitHub takes the request again at this time."""

    until: datetime


async def once_github_answers(
    ctx: JobContext[Any], key: str, ask: Callable[[], Awaitable[T | Waiting]]
) -> T:
    """The result of the step; asleep while GitHub takes no requests."""
    while True:
        found = await ctx.step.run(key, ask)
        if not isinstance(found, Waiting):
            return found
        await ctx.step.sleep_until("wait-for-github", found.until)
