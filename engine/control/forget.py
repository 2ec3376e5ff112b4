"""Forgetting a user: their runs are cancelled, and nothing stored of them or their events stays."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from engine.control.cancel import Cancels
from engine.dbos import dbos_rows
from engine.errors import NoSuchRun
from engine.storage import tables
from engine.storage.eventlog import cancelled_id, failed_id, finished_id
from engine.storage.transactions import Ledger
from engine.workers.retention import BATCH, delete_events, delete_runs

PAUSE_S = 0.05  # between batches, for the others
STOP_S = 60.0  # for thousands of runs; each stops within a second


@dataclass(frozen=True)
class Forgetting:
    """Deletes what is stored of a user, batch by batch; done again, it goes on."""

    ledger: Ledger
    cancels: Cancels

    async def forget(self, user_id: str) -> int:
        """See `Engine.forget`."""
        async with asyncio.timeout(STOP_S):
            while active := await self.ledger.transact(_active_runs, user_id):
                for run_id in active:
                    with suppress(NoSuchRun):  # another process forgets them, too
                        await self.cancels.cancel(run_id)
                # One whose end has been told is not cancelled: it ends meanwhile.
                await asyncio.sleep(PAUSE_S)
        forgotten = 0
        while deleted := await self.ledger.transact(_forget_batch, user_id):
            forgotten += deleted
            await asyncio.sleep(PAUSE_S)
        return forgotten


def _active_runs(connection: sa.Connection, user_id: str) -> list[str]:
    owned = tables.owned.c
    query = (
        sa.select(owned.id)
        .where(owned.user_id == user_id, owned.kind == "run")
        .where(owned.id.in_(dbos_rows.active_runs()))
        .limit(BATCH)
    )
    return list(connection.execute(query).scalars())


def _forget_batch(connection: sa.Connection, user_id: str) -> int:
    """Delete a batch of runs with the events about them, else of events; how many rows it was."""
    runs = _owned(connection, user_id, "run")
    if runs:
        causes = sa.select(tables.run.c.event_id).where(tables.run.c.run_id.in_(runs)).distinct()
        told = [of(run_id) for run_id in runs for of in (failed_id, finished_id, cancelled_id)]
        events = [*connection.execute(causes).scalars(), *told]
        delete_runs(connection, runs)
        delete_events(connection, events)
        return len(runs)
    events = _owned(connection, user_id, "event")
    delete_events(connection, events)
    return len(events)


def _owned(connection: sa.Connection, user_id: str, kind: str) -> Sequence[str]:
    owned = tables.owned.c
    query = (
        sa.select(owned.id)
        .where(owned.user_id == user_id, owned.kind == kind)
        .where(owned.id.not_in(dbos_rows.active_runs()))
        .limit(BATCH)
    )
    return connection.execute(query).scalars().all()
