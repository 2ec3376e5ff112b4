"""Old runs and events are deleted, in small batches so that nothing else has to wait."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.storage import tables
from engine.storage.owners import disclaim

BATCH = 200  # a transaction of a few milliseconds


@dataclass(frozen=True)
class Swept:
    """How much one batch has deleted; another batch is worth it while either is full."""

    runs: int
    events: int

    @property
    def may_be_more(self) -> bool:
        """Whether to go on at once."""
        return BATCH in {self.runs, self.events}


def delete_runs(connection: sa.Connection, run_ids: Sequence[str]) -> None:
    """Delete runs that have ended, with all that is kept of them but their events."""
    if not run_ids:
        return
    for table in (
        tables.run,
        tables.attempt,
        tables.cancel_rule,
        tables.limit,
        tables.slot,
        tables.wait,
        tables.answered,
        tables.effect,
        tables.singleton,
        tables.gathering,
        tables.gathered,
        tables.replay,
        tables.started,
        tables.working,
    ):
        connection.execute(sa.delete(table).where(table.c.run_id.in_(run_ids)))
    disclaim(connection, "run", run_ids)
    dbos_rows.delete_runs(connection, run_ids)


def delete_events(connection: sa.Connection, event_ids: Sequence[str]) -> None:
    """Delete events; no run may need them any more."""
    disclaim(connection, "event", event_ids)
    connection.execute(sa.delete(tables.event).where(tables.event.c.id.in_(event_ids)))


def sweep_batch(connection: sa.Connection, before_ms: int) -> Swept:
    """Delete a batch of runs that ended, and of events that came, before a time."""
    ended = dbos_rows.ended_before(connection, before_ms, BATCH)
    delete_runs(connection, ended)
    event = tables.event.c
    used = sa.select(tables.run.c.run_id).where(tables.run.c.event_id == event.id).exists()
    gathered = tables.gathered.c
    shared = sa.select(gathered.run_id).where(gathered.event_id == event.id).exists()
    old = connection.execute(
        sa.select(event.id).where(event.received_at < before_ms, ~used, ~shared).limit(BATCH)
    ).scalars()
    event_ids = list(old)
    delete_events(connection, event_ids)
    connection.execute(sa.delete(tables.counter).where(tables.counter.c.since < before_ms))
    return Swept(len(ended), len(event_ids))
