"""The engine's transactions: run in threads, tried again when the database was away."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from core.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("engine.ledger")

THREADS = 4  # SQLite takes one writer at a time anyway
RETRY_FOR_S = 60.0  # a PostgreSQL restart or fail-over; after that the caller hears of it
RETRY_EVERY_S = 0.25


class Ledger:
    """Runs functions of a connection, each as one transaction in a thread of its own pool."""

    def __init__(self, pool: sa.Engine, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="engine-ledger")

    def close(self) -> None:
        """Let running transactions end and give the threads back."""
        self._threads.shutdown(wait=True)

    def now(self) -> datetime:
        """The clock's now."""
        return self._clock.now()

    def now_ms(self) -> int:
        """The clock's now as ms since the epoch."""
        return int(self._clock.now().timestamp() * 1000)

    async def transact(
        self,
        work: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Commit `work(connection, …)`; it may run more than once, so it must be safe twice.

        Raises:
            sqlalchemy.exc.OperationalError: the database stayed away for `RETRY_FOR_S`.
        """
        give_up_at = self._clock.monotonic() + RETRY_FOR_S
        while True:
            try:
                return await self.call(lambda: self._once(work, *args, **kwargs))
            except DBAPIError as error:
                if not _is_away(error) or self._clock.monotonic() > give_up_at:
                    raise
                log.warning("database_away", extra={"error": type(error.orig).__name__})
            await asyncio.sleep(RETRY_EVERY_S)

    async def call(self, work: Callable[[], T]) -> T:
        """Run something that blocks in one of the ledger's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _once(
        self,
        work: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        with self._pool.begin() as connection:
            return work(connection, *args, **kwargs)


def _is_away(error: DBAPIError) -> bool:
    """Whether the database may be back soon, as opposed to refusing this statement."""
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorname in {"SQLITE_BUSY", "SQLITE_LOCKED"}
    return isinstance(error, OperationalError)
