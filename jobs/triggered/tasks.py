"""What begins a task, known to its job before the services are there that do it."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from core.clock import Clock
from core.errors import Transient
from core.ids import EventId, OwnerId

BOUND_S = 30.0  # the services are composed within milliseconds of the engine's start


@dataclass(frozen=True)
class Begun:
    """A task that has begun: the event whose run does it, and the ids of what it works on."""

    event_id: EventId
    ids: Mapping[str, str]


class Begins(Protocol):
    """Begins a task in the name of an owner; the same `key` begins it once."""

    def __call__(
        self, task_id: str, data: Mapping[str, Any], *, owner: OwnerId, key: str
    ) -> Awaitable[Begun]:
        """Raises: Refused."""
        ...


class NotComposed(Transient):
    """This process has no services yet."""

    code = "not_composed"

    def __init__(self) -> None:
        super().__init__("the services of this process are not there yet")


class Tasks:
    """Provided to jobs when the engine starts, and bound once what it stands for is composed."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._begins: Begins | None = None
        self._bound = asyncio.Event()

    def bind(self, begins: Begins) -> None:
        """From now on tasks can begin."""
        self._begins = begins
        self._bound.set()

    async def begin(
        self, task_id: str, data: Mapping[str, Any], *, owner: OwnerId, key: str
    ) -> Begun:
        """Begin a task. Raises: Refused; NotComposed."""
        try:
            async with asyncio.timeout(BOUND_S):
                await self._bound.wait()
        except TimeoutError as late:
            raise NotComposed from late
        if self._begins is None:
            raise NotComposed
        return await self._begins(task_id, data, owner=owner, key=key)
