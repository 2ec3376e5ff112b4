"""The right to write one answer: taken when first needed, void once a later attempt takes it."""

import asyncio

from core.ids import EventId, MessageId, RunId
from store.delta_writer import DeltaWriter
from store.gateway import Store
from store.records import Lease


class Attempt:
    """One execution of a job body that writes an answer.

    A body that is replayed after a crash is a new attempt: its first write takes the lease over,
    and what the dead (or merely stopped) process still sends is refused.
    """

    def __init__(
        self, store: Store, message_id: MessageId, *, generation_id: EventId, run_id: RunId
    ) -> None:
        self._store = store
        self.message_id = message_id
        self._generation_id = generation_id
        self._run_id = run_id
        self._taking = asyncio.Lock()
        self._lease: Lease | None = None
        self._writer: DeltaWriter | None = None

    async def lease(self) -> Lease:
        """The lease, taken at the first call.

        Raises:
            GenerationClosed: the message is final.
            NotFound: the message is gone.
        """
        async with self._taking:
            if self._lease is None:
                self._lease = await self._store.generations.begin(
                    self.message_id, run_id=self._run_id, generation_id=self._generation_id
                )
            return self._lease

    async def writer(self) -> DeltaWriter:
        """Where streamed text goes, one for all of it. Raises: as `lease`."""
        lease = await self.lease()
        if self._writer is None:  # asked after the wait: two calls may wait at once
            self._writer = self._store.deltas.open(lease)
        return self._writer
