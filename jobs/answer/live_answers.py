"""The answers for which the model is being read in this process: a cancel stops that at once.

Without it nothing is lost but the words that the store does not have yet: then the cancel of the
run ends the reading, as it does for an answer of another process.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from core.ids import MessageId, OwnerId, ProjectId
from llm.faults import StreamBroken

STOPPING_S = 1.0  # longest that a cancel waits for what was said to be saved
LEFT_S = 10.0  # a run that was stopped and is not cancelled by then asks the model again


@dataclass(frozen=True)
class Whose:
    """Which answer it is, and who may stop it; that of a sub-agent ends with `works_for`."""

    message_id: MessageId
    project_id: ProjectId
    owner: OwnerId
    works_for: MessageId | None = None


@dataclass(eq=False)
class _Reading:
    whose: Whose
    scope: asyncio.Timeout
    is_saved: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        if not self.scope.expired() and not self.is_saved.is_set():
            self.scope.reschedule(asyncio.get_running_loop().time())


class LiveAnswers:
    """Those of this process."""

    def __init__(self) -> None:
        self._readings: set[_Reading] = set()

    @asynccontextmanager
    async def reading(
        self, whose: Whose, save: Callable[[], Awaitable[object]]
    ) -> AsyncGenerator[None]:
        """Around reading what the model says.

        `stop` ends the block. Then `save` is called, and the run waits here for its cancel.

        Raises: StreamBroken: the cancel did not come.
        """
        reading = _Reading(whose, asyncio.timeout(None))
        self._readings.add(reading)
        try:
            async with reading.scope:
                yield
        except TimeoutError:
            if not reading.scope.expired():
                raise
            await save()
        else:
            return
        finally:
            self._readings.discard(reading)
            reading.is_saved.set()
        await asyncio.sleep(LEFT_S)
        raise StreamBroken("the answer was stopped, and its run was not cancelled")

    async def stop(self, message_id: MessageId, *, owner: OwnerId) -> None:
        """Stop reading for this answer and its sub-agents, and save what was said; returns soon."""
        own = [
            each
            for each in self._of(owner)
            if message_id in {each.whose.message_id, each.whose.works_for}
        ]
        await self._stop(own)

    async def stop_project(self, project_id: ProjectId, *, owner: OwnerId) -> None:
        """The same for each answer in a project."""
        await self._stop([each for each in self._of(owner) if each.whose.project_id == project_id])

    def _of(self, owner: OwnerId) -> list[_Reading]:
        return [each for each in self._readings if each.whose.owner == owner]

    async def _stop(self, readings: Collection[_Reading]) -> None:
        for each in readings:
            each.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOPPING_S):
                for each in readings:
                    await each.is_saved.wait()
