"""Several processes on one PostgreSQL: who is alive, and who continues the runs of the dead.

Beats are by the database's clock. After an outage, or when that clock has been set, everybody looks
dead to the first one back: a process that was late itself judges nobody for one lease, and nobody
is judged within a lease of the server's start.
"""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

import sqlalchemy as sa

from engine.dbos import claiming, dbos_rows
from engine.errors import DatabaseAway
from engine.live import LiveRuns
from engine.realtime.publisher import forget_kept
from engine.steps.slots import disown, owners_besides
from engine.steps.waits import WaitKey, answered_waits
from engine.storage import tables
from engine.storage.notices import Notice, publish
from engine.storage.transactions import Ledger
from engine.workers.keys import forget_keys

log = logging.getLogger("engine.fleet")

CHECK_S = 1.0  # how late a cancel from another process arrives when its notice is lost
SWEEP_LOCK = 7262520


class Fleet:
    """This process among the others: its heartbeat, its sweep, its check for lost runs."""

    def __init__(  # noqa: PLR0913 - it stands between the database and the whole engine
        self,
        executor_id: str,
        *,
        ledger: Ledger,
        live: LiveRuns,
        lease_s: float,
        kick: Callable[[list[str]], None],
        wake: Callable[[list[WaitKey]], None],
    ) -> None:
        self._executor_id = executor_id
        self._ledger = ledger
        self._live = live
        self._lease_s = lease_s
        self._kick = kick
        self._wake = wake
        self._has_beaten = False
        self._judges_from = 0.0

    async def join(self) -> None:
        """Be counted as alive, before the first run is claimed."""
        await self._ledger.transact(self._beat)

    async def leave(self) -> None:
        """Be gone: nothing of this process runs any more."""
        try:
            await self._ledger.transact(self._forget)
        except DatabaseAway:
            log.warning("still_counted")  # until the lease is over

    async def work(self) -> None:
        """Beat, sweep and check until cancelled."""
        beat_every = max(1, round(self._lease_s / 3 / CHECK_S))
        tick = 0
        while True:
            await asyncio.sleep(min(CHECK_S, self._lease_s / 3))
            tick += 1
            try:
                if tick % beat_every == 0 or self._lease_s / 3 < CHECK_S:
                    now_ms = await self._ledger.transact(self._beat)
                    self._kick(await self._ledger.transact(self._sweep, now_ms))
                await self._check(everything=tick % (beat_every * 3) == 0)
            except Exception as error:  # the rim of the loop
                if not self._ledger.passes(error):
                    log.exception("fleet_check_failed")

    async def _check(self, *, everything: bool) -> None:
        """Find what notices should have told: answered waits, and runs that are no longer ours."""
        runs = self._live.all() if everything else self._live.awake()
        awake = None if everything else [run.run_id for run in runs]
        answered, held = await self._ledger.transact(self._look, awake)
        self._wake(answered)
        for run in runs:
            if run.run_id not in held and not run.has_ended:
                run.stop("cancelled")

    def _look(
        self, connection: sa.Connection, run_ids: list[str] | None
    ) -> tuple[list[WaitKey], set[str]]:
        answered = answered_waits(connection)
        if run_ids is None:  # thousands may wait: that many names are not worth sending
            return answered, dbos_rows.all_held(connection, self._executor_id)
        if not run_ids:
            return answered, set()
        return answered, dbos_rows.still_held(connection, self._executor_id, run_ids)

    def _beat(self, connection: sa.Connection) -> int:
        now = tables.database_now_ms(connection)
        worker, lease_ms = tables.worker.c, int(self._lease_s * 1000)
        mine = worker.executor_id == self._executor_id
        last = connection.execute(sa.select(worker.beat_at).where(mine)).scalar()
        on_time = not self._has_beaten if last is None else last <= now <= last + lease_ms
        if not on_time:
            self._judges_from = monotonic() + self._lease_s
        self._has_beaten = True
        values = {"beat_at": now, "lease_ms": lease_ms}
        if last is None:
            row = {"executor_id": self._executor_id, **values}
            tables.insert_new(connection, tables.worker, row)
        else:
            connection.execute(sa.update(tables.worker).where(mine).values(**values))
        return now

    def _forget(self, connection: sa.Connection) -> None:
        connection.execute(
            sa.delete(tables.worker).where(tables.worker.c.executor_id == self._executor_id)
        )
        forget_keys(connection, [self._executor_id])

    def _sweep(self, connection: sa.Connection, now: int) -> list[str]:
        """Put the runs of dead processes back into their queues; returns those queues.

        It judges as of this process's last beat: the clock may have been set since.
        """
        if monotonic() < self._judges_from:
            return []
        lock = sa.select(sa.func.pg_try_advisory_xact_lock(SWEEP_LOCK))
        if not connection.execute(lock).scalar_one():
            return []  # another process is at it
        forget_kept(connection)
        worker, up_since = tables.worker.c, tables.database_up_since_ms(connection)
        if up_since <= now:
            silent_since = sa.func.greatest(worker.beat_at, up_since)
        else:
            silent_since = worker.beat_at  # the clock has been set back
        # Who beats does so by the new time already; who is dead gets one more lease.
        ahead = sa.update(tables.worker).where(worker.beat_at > now + worker.lease_ms)
        connection.execute(ahead.values(beat_at=now))
        silent = silent_since + worker.lease_ms < now
        connection.execute(sa.delete(tables.worker).where(silent))
        alive = list(connection.execute(sa.select(worker.executor_id)).scalars())
        dead = dbos_rows.executors_besides(connection, alive)
        # One that died between two commits may have nothing but a place.
        gone = sorted({*dead, *owners_besides(connection, alive)})
        if not gone:
            return []
        queues = claiming.recover(connection, dead)
        granted = disown(connection, gone)
        forget_keys(connection, gone)
        notice = Notice(self._executor_id, queues=tuple(queues), places=tuple(granted))
        publish(connection, notice)
        log.warning("took_over", extra={"dead": gone})
        return queues


def living_besides(connection: sa.Connection, executor_id: str) -> list[str]:
    """The other processes that work on this database, those included that died a moment ago."""
    query = sa.select(tables.worker.c.executor_id).where(tables.worker.c.executor_id != executor_id)
    return list(connection.execute(query).scalars())
