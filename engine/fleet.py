"""Several processes on one PostgreSQL: who is alive, and who continues the runs of the dead."""

import asyncio
import logging
from collections.abc import Callable

import sqlalchemy as sa

from engine import tables
from engine.dbos import private
from engine.ledger import Ledger
from engine.live import LiveRuns
from engine.notices import Notice, publish
from engine.realtime.publisher import forget_kept
from engine.slots import disown
from engine.waits import WaitKey, answered_waits

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

    async def join(self) -> None:
        """Be counted as alive, before the first run is claimed."""
        await self._ledger.transact(self._beat)

    async def leave(self) -> None:
        """Be gone: nothing of this process runs any more."""
        await self._ledger.transact(self._forget)

    async def work(self) -> None:
        """Beat, sweep and check until cancelled."""
        beat_every = max(1, round(self._lease_s / 3 / CHECK_S))
        tick = 0
        while True:
            await asyncio.sleep(min(CHECK_S, self._lease_s / 3))
            tick += 1
            try:
                if tick % beat_every == 0 or self._lease_s / 3 < CHECK_S:
                    await self._ledger.transact(self._beat)
                    self._kick(await self._ledger.transact(self._sweep))
                self._wake(await self._ledger.transact(answered_waits))
                await self._stop_lost(everything=tick % (beat_every * 3) == 0)
            except Exception:  # the rim of the loop: the database may be away for a while
                log.exception("fleet_check_failed")

    async def _stop_lost(self, *, everything: bool) -> None:
        runs = [run for run in self._live.all() if everything or run.suspended == 0]
        if not runs:
            return
        held = await self._ledger.transact(
            private.still_held, self._executor_id, [run.run_id for run in runs]
        )
        for run in runs:
            if run.run_id not in held and not run.ended.is_set():
                run.stop("cancelled")

    def _beat(self, connection: sa.Connection) -> None:
        now = _database_now_ms(connection)
        worker = tables.worker.c
        updated = connection.execute(
            sa.update(tables.worker)
            .where(worker.executor_id == self._executor_id)
            .values(beat_at=now, lease_ms=int(self._lease_s * 1000))
        )
        if not updated.rowcount:
            row = {
                "executor_id": self._executor_id,
                "beat_at": now,
                "lease_ms": int(self._lease_s * 1000),
            }
            tables.insert_new(connection, tables.worker, row)

    def _forget(self, connection: sa.Connection) -> None:
        connection.execute(
            sa.delete(tables.worker).where(tables.worker.c.executor_id == self._executor_id)
        )

    def _sweep(self, connection: sa.Connection) -> list[str]:
        """Put the runs of dead processes back into their queues; returns those queues."""
        lock = sa.select(sa.func.pg_try_advisory_xact_lock(SWEEP_LOCK))
        if not connection.execute(lock).scalar_one():
            return []  # another process is at it
        forget_kept(connection)
        now = _database_now_ms(connection)
        worker = tables.worker.c
        connection.execute(sa.delete(tables.worker).where(worker.beat_at + worker.lease_ms < now))
        alive = list(connection.execute(sa.select(worker.executor_id)).scalars())
        dead = private.executors_besides(connection, alive)
        if not dead:
            return []
        queues = private.recover(connection, dead)
        disown(connection, dead)
        publish(connection, Notice(self._executor_id, queues=tuple(queues)))
        log.warning("took_over", extra={"dead": dead})
        return queues


def _database_now_ms(connection: sa.Connection) -> int:
    return connection.execute(sa.select(tables.POSTGRES_NOW_MS)).scalar_one()
