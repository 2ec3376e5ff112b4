"""Token buckets that all processes share, in the engine's PostgreSQL."""

import asyncio
import logging
from typing import Self

import psycopg

from app.http.rates.buckets import Buckets

log = logging.getLogger(__name__)

WAIT_S = 1.0  # for the database; then the buckets of this process decide
RETRY_S = 5.0  # while it is away, it is asked this often
SWEEP_EVERY = 1_000  # takes of this process

# Unlogged: after a crash of the server everybody begins with a full bucket. The lock is for
# processes that start at once: IF NOT EXISTS alone lets them collide.
_SET_UP = """
SET synchronous_commit = off;
BEGIN;
SELECT pg_advisory_xact_lock(hashtext('polaris_rate_buckets'));
CREATE UNLOGGED TABLE IF NOT EXISTS polaris_rate_buckets (
    key text PRIMARY KEY,
    full_at_s double precision NOT NULL
);
COMMIT;
"""
# The time is the database's, so that the clocks of the processes do not matter.
_TAKE = """
WITH given AS (
    SELECT extract(epoch FROM clock_timestamp())::double precision AS now_s,
           %(every_s)s::double precision AS every_s
), taken AS (
    INSERT INTO polaris_rate_buckets AS bucket (key, full_at_s)
    SELECT %(key)s, now_s + every_s FROM given
    ON CONFLICT (key) DO UPDATE
    SET full_at_s =
        greatest(bucket.full_at_s, excluded.full_at_s - %(every_s)s) + %(every_s)s
    WHERE bucket.full_at_s <= excluded.full_at_s + (%(size)s - 2) * %(every_s)s
    RETURNING full_at_s
)
SELECT (SELECT count(*) FROM taken) > 0,
       coalesce((SELECT full_at_s FROM polaris_rate_buckets WHERE key = %(key)s), 0)
           - now_s - (%(size)s - 1) * every_s
FROM given
"""
_SWEEP = """
DELETE FROM polaris_rate_buckets
WHERE full_at_s < extract(epoch FROM clock_timestamp()) - 60
"""


class PostgresBuckets:
    """An async context manager. One connection: a take is one statement of some 0.2 ms.

    While the database does not answer, `alone` decides, so that a limit never stops the API.
    """

    def __init__(self, dsn: str, alone: Buckets) -> None:
        self._dsn = dsn
        self._alone = alone
        self._turn = asyncio.Lock()
        self._connection: psycopg.AsyncConnection | None = None
        self._away_until_s: float | None = None
        self._takes = 0

    async def __aenter__(self) -> Self:
        """The first take connects."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self._close()

    async def take(self, key: str, *, size: int, every_s: float) -> float:
        """See `Buckets.take`."""
        now_s = asyncio.get_running_loop().time()
        if self._away_until_s is not None and now_s < self._away_until_s:
            return await self._alone.take(key, size=size, every_s=every_s)
        try:
            async with asyncio.timeout(WAIT_S), self._turn:
                wait_s = await self._take(key, size, every_s)
        except (psycopg.Error, OSError, TimeoutError) as error:
            if self._away_until_s is None:
                log.warning("rates_not_shared", extra={"error": type(error).__name__})
            self._away_until_s = now_s + RETRY_S
            return await self._alone.take(key, size=size, every_s=every_s)
        if self._away_until_s is not None:
            log.warning("rates_shared_again")
            self._away_until_s = None
        return wait_s

    async def _take(self, key: str, size: int, every_s: float) -> float:
        try:
            if self._connection is None:
                self._connection = await self._connect()
            self._takes += 1
            if self._takes % SWEEP_EVERY == 1:
                await self._connection.execute(_SWEEP)
            given = {"key": key, "size": size, "every_s": every_s}
            cursor = await self._connection.execute(_TAKE, given)
            row = await cursor.fetchone()
        except BaseException:  # cancelled or broken: who knows what is still on its way
            await self._close()
            raise
        assert row is not None  # noqa: S101 - the statement gives one row
        is_taken, wait_s = row
        return 0.0 if is_taken else max(every_s * 1e-3, float(wait_s))

    async def _connect(self) -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)
        try:
            await connection.execute(_SET_UP)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
