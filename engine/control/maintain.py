"""The engine's API: what is done with what is stored as time passes."""

import asyncio
import logging

from engine.control.parts import Running
from engine.steps.slots import drop_ended
from engine.storage.encryption import Encryption
from engine.workers.keys import FIRST, is_settled, mark_moved, move_batch
from engine.workers.retention import sweep_batch

log = logging.getLogger("engine")

EVERY_S = 300.0
LEFT_MS = 60_000  # a place is no run's that ended so long ago, whoever did not give it back
PAUSE_S = 0.05  # between batches, for the others


class Maintenance(Running):
    """Retention and encryption, batch by batch."""

    _encryption: Encryption | None
    _retention_s: float

    async def sweep(self) -> None:
        """Delete what is older than the retention now, and what ended runs have left behind.

        It happens by itself every few minutes.
        """
        before_ms = self._ledger.now_ms() - int(self._retention_s * 1000)
        granted = await self._ledger.transact(drop_ended, self._ledger.now_ms() - LEFT_MS)
        self._slots.wake(granted)
        swept = await self._ledger.transact(sweep_batch, before_ms)
        while swept.may_be_more:
            await asyncio.sleep(PAUSE_S)
            swept = await self._ledger.transact(sweep_batch, before_ms)

    async def reencrypt(self) -> int:
        """Seal everything that is stored under the first key; how many texts were not.

        It happens by itself after a start with several keys, or with the first one ever. Once it
        has, and every process has that key in the first place, the other keys can go: an engine
        that starts without a key that is still needed says so, and does not start.
        """
        self._check_running()
        return await self._reencrypt()

    async def _reencrypt(self) -> int:
        texts, position = 0, None if self._encryption is None else FIRST
        while position is not None and self._encryption is not None:
            moved = await self._ledger.transact(move_batch, self._encryption, position)
            texts, position = texts + moved.texts, moved.next_at
            await asyncio.sleep(PAUSE_S if moved.texts else 0)
        if self._encryption is not None:
            await self._ledger.transact(mark_moved, self._encryption.key_ids[0])
            log.info("reencrypted", extra={"texts": texts})
        return texts

    async def _keep(self) -> None:
        """Do both, until cancelled."""
        moved = self._encryption is None
        while True:
            try:
                if self._encryption is not None and not moved:
                    if not await self._ledger.transact(is_settled, self._encryption):
                        await self._reencrypt()
                    moved = True
                else:
                    await self.sweep()
            except Exception as error:  # the rim of the loop
                if not self._ledger.passes(error):
                    log.exception("keeping_failed")
            await asyncio.sleep(EVERY_S)
