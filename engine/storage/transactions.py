"""The engine's transactions: run in threads, tried again when the database was away."""

import asyncio
import math
from collections.abc import Callable
from copy import copy
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from engine.errors import DatabaseAway, DatabaseFull
from engine.storage.outage import TRY_EVERY_S, Outage, is_full
from engine.storage.pools import SharedPool

P = ParamSpec("P")
T = TypeVar("T")

THREADS = {
    # One writer at a time; a second one would sleep up to 100 ms for a lock that is free after one.
    "sqlite": 1,
    "postgresql": 4,
}
READERS = 2
RETRY_FOR_S = 60.0  # a PostgreSQL restart or fail-over; after that the caller hears of it


class Ledger:
    """Runs functions of a connection, each as one transaction in a thread of its own pool."""

    def __init__(self, pool: sa.Engine, clock: Clock, outage: Outage) -> None:
        self._pool = pool
        self._clock = clock
        self._outage = outage
        self._retry_for_s = RETRY_FOR_S
        self._pool_of_threads = SharedPool(THREADS[pool.dialect.name], "engine-ledger")
        self._queue = self._pool_of_threads.queue()

    def patient(self) -> "Ledger":
        """The same for runs: a run waits for the database as long as it takes, also for room.

        Their transactions and those of others take turns, so a send is not behind a hundred steps.
        """
        twin = copy(self)
        twin._queue = self._pool_of_threads.queue()  # noqa: SLF001 - it is ours
        twin._retry_for_s = math.inf  # noqa: SLF001 - it is ours
        return twin

    def reader(self) -> "Ledger":
        """The same for looks that may take long: in threads of its own, to be closed, too."""
        twin = copy(self)
        twin._pool_of_threads = SharedPool(READERS, "engine-reader")  # noqa: SLF001 - it is ours
        twin._queue = twin._pool_of_threads.queue()  # noqa: SLF001 - it is ours
        return twin

    def close(self) -> None:
        """Let running transactions end and give the threads back."""
        self._pool_of_threads.close()

    def passes(self, error: BaseException) -> bool:
        """Whether an error only says that the database is away or full; that is logged once."""
        return isinstance(error, (DatabaseAway, DatabaseFull)) or self._outage.passes(error)

    def now(self) -> datetime:
        """The clock's now."""
        return self._clock.now()

    def now_ms(self) -> int:
        """The clock's now as ms since the epoch."""
        return int(self._clock.now().timestamp() * 1000)

    def monotonic(self) -> float:
        """The clock's seconds from an arbitrary point."""
        return self._clock.monotonic()

    async def transact(
        self,
        work: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Commit `work(connection, …)`; it may run more than once, so it must be safe twice.

        Raises:
            DatabaseAway: it has been away for `RETRY_FOR_S`, or is away while the engine stops.
            DatabaseFull: it has no room. Neither comes out of a patient ledger.
        """
        give_up_at = self._clock.monotonic() + self._retry_for_s
        while True:
            try:
                done = await self.once(work, *args, **kwargs)
            except SQLAlchemyError as error:
                if not self._outage.passes(error):
                    raise
                if self._retry_for_s < math.inf:
                    if is_full(error):
                        raise DatabaseFull from error
                    if self._outage.is_stopping or self._clock.monotonic() > give_up_at:
                        raise DatabaseAway from error
            else:
                self._outage.ended()
                return done
            await asyncio.sleep(TRY_EVERY_S)

    async def once(
        self,
        work: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Commit `work(connection, …)` or raise; also then it may have been committed."""

        def transaction() -> T:
            with self._pool.begin() as connection:
                return work(connection, *args, **kwargs)

        return await self.call(transaction)

    async def call(self, work: Callable[[], T]) -> T:
        """Run something that blocks in one of the ledger's threads."""
        return await self._queue.run(work)
