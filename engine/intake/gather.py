"""Debounce and batches: several events that start one run, made and scheduled with the first."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.duration import seconds_of
from engine.events import WireEvent
from engine.options import Batch, Debounce
from engine.storage import tables
from engine.storage.eventlog import read_event
from engine.storage.locks import lock_key
from engine.storage.tables import insert_new

MAX_BATCH_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Joined:
    """The run that an event has joined; a new one is still to be made. 0 ms: it starts now."""

    run_id: str
    is_new: bool
    delay_ms: int
    is_cause: bool = True
    """Whether the event is the run's cause now."""


@dataclass(frozen=True)
class Joining:
    """An event that shares a run with others of its key, or opens one as `run_id`."""

    key: str
    event: WireEvent
    size: int
    """Of the event, in bytes."""
    run_id: str


def join(
    connection: sa.Connection, joining: Joining, rule: Debounce | Batch, now_ms: int
) -> Joined:
    """Add an event to the run that gathers its key, or open a new one."""
    lock_key(connection, joining.key)
    column = tables.gathering.c
    row = connection.execute(
        sa.select(tables.gathering).where(column.key == joining.key)
    ).one_or_none()
    if row is not None and dbos_rows.is_delayed(connection, row.run_id):
        if isinstance(rule, Debounce) or row.bytes + joining.size <= MAX_BATCH_BYTES:
            return _join(connection, joining, rule, row, now_ms)
        dbos_rows.end_delay(connection, row.run_id)
    opened = {"run_id": joining.run_id, "opened_at": now_ms, "bytes": joining.size}
    if not insert_new(connection, tables.gathering, {"key": joining.key, **opened}):
        connection.execute(
            sa.update(tables.gathering).where(column.key == joining.key).values(**opened)
        )
    _add(connection, joining.run_id, joining, 0, now_ms)
    if isinstance(rule, Batch) and rule.max_size == 1:
        return Joined(joining.run_id, is_new=True, delay_ms=0)
    return Joined(
        joining.run_id, is_new=True, delay_ms=_due(joining, rule, now_ms, now_ms) - now_ms
    )


def _join(
    connection: sa.Connection,
    joining: Joining,
    rule: Debounce | Batch,
    row: sa.Row[tuple[str, str, int, int]],
    now_ms: int,
) -> Joined:
    run_id, opened_at = row.run_id, row.opened_at
    gathered = tables.gathered.c
    number: int = connection.execute(
        sa.select(sa.func.count()).where(gathered.run_id == run_id)
    ).scalar_one()
    _add(connection, run_id, joining, number, now_ms)
    due = _due(joining, rule, opened_at, now_ms)
    if isinstance(rule, Debounce):
        if not _replace_cause(connection, run_id, joining.event):
            return Joined(run_id, is_new=False, delay_ms=0, is_cause=False)
        dbos_rows.delay_until(connection, run_id, due)
    elif number + 1 >= rule.max_size:
        dbos_rows.end_delay(connection, run_id)
        due = now_ms
    connection.execute(
        sa.update(tables.gathering)
        .where(tables.gathering.c.key == joining.key)
        .values(bytes=tables.gathering.c.bytes + joining.size)
    )
    is_cause = isinstance(rule, Debounce)
    return Joined(run_id, is_new=False, delay_ms=max(0, due - now_ms), is_cause=is_cause)


def _replace_cause(connection: sa.Connection, run_id: str, event: WireEvent) -> bool:
    """Make an event the cause of a run; False where that has a later one: events may be late."""
    run, stored = tables.run.c, tables.event.c
    cause_ts = connection.execute(
        sa.select(stored.ts).join(tables.run, run.event_id == stored.id).where(run.run_id == run_id)
    ).scalar()
    if cause_ts is not None and cause_ts > event.ts_ms:
        return False
    connection.execute(sa.update(tables.run).where(run.run_id == run_id).values(event_id=event.id))
    return True


def _due(joining: Joining, rule: Debounce | Batch, opened_at: int, now_ms: int) -> int:
    """When the run starts, if nothing else comes."""
    if isinstance(rule, Batch):
        return opened_at + int(seconds_of(rule.timeout) * 1000)
    due = max(now_ms, joining.event.ts_ms) + int(seconds_of(rule.period) * 1000)
    if rule.timeout is None:
        return due
    return min(due, opened_at + int(seconds_of(rule.timeout) * 1000))


def _add(
    connection: sa.Connection, run_id: str, joining: Joining, number: int, now_ms: int
) -> None:
    row = {"run_id": run_id, "number": number, "event_id": joining.event.id, "at": now_ms}
    insert_new(connection, tables.gathered, row)


def gathered_events(connection: sa.Connection, run_id: str) -> list[WireEvent]:
    """The events of a run, in order; none where it was started by a single one."""
    column = tables.gathered.c
    event_ids = connection.execute(
        sa.select(column.event_id).where(column.run_id == run_id).order_by(column.number)
    ).scalars()
    found = (read_event(connection, event_id) for event_id in event_ids.all())
    return [event for event in found if event is not None]


def latest(events: Sequence[WireEvent]) -> WireEvent:
    """The event of the latest `ts`; of several the one that came last."""
    return max(reversed(events), key=lambda event: event.ts_ms)
