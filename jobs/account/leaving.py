"""The parts of an account's deletion: each may be done again, and finds what is left to do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from core.errors import Transient
from core.ids import OwnerId
from store.gateway import Store

BOUND_S = 30.0  # the engine has started when its first run begins, within milliseconds


class NotComposed(Transient):
    """This process does not have its engine at hand yet."""

    code = "not_composed"

    def __init__(self) -> None:
        super().__init__("the engine of this process is not at hand yet")


class Traces:
    """What is kept of people outside the store: by the engine, and on this worker's disk.

    Provided to jobs when the engine starts; the engine is bound once it has.

    Args:
        sweeps: each removes from the disk what belongs to projects that are gone.
    """

    def __init__(self, sweeps: Sequence[Callable[[], Awaitable[object]]] = ()) -> None:
        self._sweeps = list(sweeps)
        self._forget: Callable[[str], Awaitable[object]] | None = None
        self._bound = asyncio.Event()

    def add(self, sweep: Callable[[], Awaitable[object]]) -> None:
        """One more that removes from the disk what is of projects, or people, that are gone."""
        self._sweeps.append(sweep)

    def bind(self, forget: Callable[[str], Awaitable[object]]) -> None:
        """`forget` makes the engine stop what is a user's, and forget it."""
        self._forget = forget
        self._bound.set()

    async def clear_disk(self) -> None:
        """Remove what is here of projects that are gone; other workers sweep within seconds."""
        for sweep in self._sweeps:
            await sweep()

    async def forget(self, owner: OwnerId) -> None:
        """Stop the owner's runs; no run and no event of theirs stays. Raises: NotComposed."""
        try:
            async with asyncio.timeout(BOUND_S):
                await self._bound.wait()
        except TimeoutError as late:
            raise NotComposed from late
        if self._forget is None:
            raise NotComposed
        await self._forget(owner)


@dataclass(frozen=True)
class Leaving:
    """One deletion. No result of a part says whose it is: these results are kept."""

    store: Store
    traces: Traces
    deletion_id: str

    async def stop(self) -> None:
        """Nothing of the owner is to be seen any more, and nothing goes on."""
        await self.store.accounts.remove_projects(self.deletion_id)

    async def are_emptied(self) -> bool:
        """Whether all of the projects is gone; some may have come in the last moment."""
        await self.store.accounts.remove_projects(self.deletion_id)
        return await self.store.accounts.are_emptied(self.deletion_id)

    async def clear(self) -> None:
        """What is kept beside projects goes: on the disk, in the store, by the engine."""
        await self.traces.clear_disk()
        await self.store.accounts.remove_rows(self.deletion_id)
        owner = await self.store.accounts.owner_of(self.deletion_id)
        if owner is not None:
            await self.traces.forget(owner)

    async def finish(self) -> bool:
        """The same once more, for what was on its way; False where something has come again."""
        await self.clear()
        return await self.store.accounts.finish(self.deletion_id)
