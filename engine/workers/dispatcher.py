"""When to look into which queue: at once when told to, once a second as a safety net."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from engine.dbos import dbos_rows, private
from engine.storage.transactions import Ledger
from engine.workers.claims import Claims

log = logging.getLogger("engine.dispatcher")

TIMER_MARGIN_S = 0.002  # a timer that fires early would find nothing due
AGAIN_S = 0.01  # never spin, when the database's clock is behind
POLL_S = 1.0  # finds what other processes enqueued when their notice was lost


@dataclass(frozen=True)
class _Survey:
    paused: set[str]
    with_work: set[str]
    next_due_ms: int | None
    """When the next delayed run is to be enqueued."""


class Dispatcher:
    """Has runs taken from the queues while there is room for more executing ones."""

    def __init__(
        self,
        queues: Iterable[str],
        *,
        ledger: Ledger,
        read_paused: Callable[[sa.Connection], set[str]],
    ) -> None:
        """`queues` by name."""
        self._queues = list(queues)
        self._ledger = ledger
        self._read_paused = read_paused
        self._paused: set[str] = set()
        self._pauses_changed = True
        self._looking = asyncio.Lock()
        self._kicked: set[str] = set()
        self._wake = asyncio.Event()
        self._served = ""
        """The queue that was looked into last."""
        self._left: set[str] = set()
        """Queues that may hold more than there was room for."""
        self._is_due = False
        """Whether runs that were delayed are to be enqueued."""
        self._survey_at = 0.0
        """When to look into all queues next, on the loop's clock."""
        self._stopping = False
        self._timer: asyncio.TimerHandle | None = None

    async def refresh_pauses(self) -> None:
        """Once this returns, nothing is claimed from queues that were paused before the call."""
        async with self._looking:
            self._paused = await self._ledger.transact(self._read_paused)
        self.kick(self._queues)

    def pauses_changed(self) -> None:
        """Find out which queues are paused before the next claim."""
        self._pauses_changed = True
        self.kick(self._queues)

    def kick(self, queues: Iterable[str]) -> None:
        """Look into these queues now."""
        known = self._kicked.union(queues).intersection(self._queues)
        if known:
            self._kicked = known
            self._wake.set()

    def kick_at(self, delay_s: float) -> None:
        """Look into all queues after a delay, for runs that start later."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, delay_s)
        if self._timer is not None and not self._timer.cancelled():
            if self._timer.when() <= at and self._timer.when() > loop.time():
                return  # one timer is enough: it finds out when the next is due
            self._timer.cancel()
        self._timer = loop.call_at(at, self._time_has_come)

    def room_made(self) -> None:
        """A run ended or went to sleep: look again if there was no room before."""
        if self._left:
            self.kick(self._left)

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        self._wake.set()

    def _time_has_come(self) -> None:
        self._is_due = True
        self._wake.set()

    async def work(self, claims: Claims) -> None:
        """Have runs claimed and started until stopped."""
        loop = asyncio.get_running_loop()
        while not self._stopping:
            try:
                async with asyncio.timeout_at(self._survey_at):
                    await self._wake.wait()
            except TimeoutError:
                pass
            if self._stopping:
                return
            self._wake.clear()
            kicked, self._kicked = self._kicked, set()
            try:
                async with self._looking:
                    await self._look(claims, kicked)
                    if self._is_due or loop.time() >= self._survey_at:
                        self._survey_at = loop.time() + POLL_S
                        await self._look_everywhere(claims)
            except Exception as error:  # the rim of the loop
                if not self._ledger.passes(error):
                    log.exception("claim_failed")
                self._survey_at, self._pauses_changed = 0.0, True
                await asyncio.sleep(POLL_S)

    async def _look(self, claims: Claims, kicked: set[str]) -> None:
        await claims.give_back()
        if kicked and self._pauses_changed:
            self._pauses_changed = False
            self._paused = await self._ledger.transact(self._read_paused)
        kicked -= self._paused
        self._left = (self._left | kicked) - self._paused
        for number, queue in enumerate(self._in_turn(kicked)):
            room = claims.room()
            if room <= 0:
                return
            self._served = queue
            share = max(1, room // (len(kicked) - number))
            if await claims.take(queue, share) < share and queue not in claims.held_back:
                self._left.discard(queue)
        if self._left - claims.held_back and claims.room() > 0:
            self.kick(self._left)  # it was made while there was nobody to be told

    def _in_turn(self, queues: Iterable[str]) -> list[str]:
        """Round and round, so that a long queue does not keep the others from being served."""
        return sorted(queues, key=lambda queue: (queue <= self._served, queue))

    async def _look_everywhere(self, claims: Claims) -> None:
        if self._is_due:
            self._is_due = False
            await self._ledger.call(private.release_delayed)
        self._pauses_changed = False
        found = await self._ledger.transact(self._survey)
        self._paused = found.paused
        if found.next_due_ms is not None:
            left_s = (found.next_due_ms - self._ledger.now_ms()) / 1000
            self.kick_at(max(AGAIN_S, left_s + TIMER_MARGIN_S))
        await self._look(claims, found.with_work)

    def _survey(self, connection: sa.Connection) -> "_Survey":
        return _Survey(
            self._read_paused(connection),
            set(dbos_rows.queues_with_work(connection, self._queues)),
            dbos_rows.next_delayed_ms(connection),
        )
