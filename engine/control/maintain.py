"""What is done with what is stored as time passes: retention and encryption, batch by batch."""

import asyncio
import logging
from dataclasses import dataclass

from engine.steps.slots import Slots, drop_ended
from engine.storage.encryption import Encryption
from engine.storage.transactions import Ledger
from engine.workers.keys import FIRST, is_settled, mark_moved, move_batch
from engine.workers.retention import sweep_batch

log = logging.getLogger("engine")

EVERY_S = 300.0
LEFT_MS = 60_000  # a place is no run's that ended so long ago, whoever did not give it back
PAUSE_S = 0.05  # between batches, for the others


@dataclass(frozen=True)
class Maintenance:
    """Deletes what is old, and seals what is stored under the first key."""

    ledger: Ledger
    slots: Slots
    encryption: Encryption | None
    retention_s: float

    async def sweep(self) -> None:
        """See `Engine.sweep`."""
        before_ms = self.ledger.now_ms() - int(self.retention_s * 1000)
        granted = await self.ledger.transact(drop_ended, self.ledger.now_ms() - LEFT_MS)
        self.slots.wake(granted)
        swept = await self.ledger.transact(sweep_batch, before_ms)
        while swept.may_be_more:
            await asyncio.sleep(PAUSE_S)
            swept = await self.ledger.transact(sweep_batch, before_ms)

    async def reencrypt(self) -> int:
        """See `Engine.reencrypt`."""
        texts, position = 0, None if self.encryption is None else FIRST
        while position is not None and self.encryption is not None:
            moved = await self.ledger.transact(move_batch, self.encryption, position)
            texts, position = texts + moved.texts, moved.next_at
            await asyncio.sleep(PAUSE_S if moved.texts else 0)
        if self.encryption is not None:
            await self.ledger.transact(mark_moved, self.encryption.key_ids[0])
            log.info("reencrypted", extra={"texts": texts})
        return texts

    async def work(self) -> None:
        """Do both, until cancelled."""
        moved = self.encryption is None
        while True:
            try:
                if self.encryption is not None and not moved:
                    if not await self.ledger.transact(is_settled, self.encryption):
                        await self.reencrypt()
                    moved = True
                else:
                    await self.sweep()
            except Exception as error:  # the rim of the loop
                if not self.ledger.passes(error):
                    log.exception("keeping_failed")
            await asyncio.sleep(EVERY_S)
