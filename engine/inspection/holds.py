"""Why a run does not execute yet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.inspection.run_info import instant
from engine.storage import tables

HoldReason = Literal["delay", "gathering", "throttle", "paused", "concurrency", "worker"]


@dataclass(frozen=True)
class Hold:
    """What a run waits for before its body begins, or between two steps.

    `delay`: its time to start. `gathering`: more events of its debounce or batch. `throttle`: its
    turn. `paused`: its job to be resumed. `concurrency`: a place under one of `keys`. `worker`: a
    process with room. `until` is when it is due, where that is known.
    """

    reason: HoldReason
    until: datetime | None = None
    keys: tuple[str, ...] = ()


def read_hold(
    connection: sa.Connection, run_id: str, row: dbos_rows.RunRow, *, is_throttled: bool
) -> Hold | None:
    """Why a run is held; None of one that executes, sleeps or waits, or has ended."""
    if row.status == "scheduled":
        gathering = tables.gathering.c.run_id == run_id
        gathers = connection.execute(sa.select(tables.gathering.c.key).where(gathering)).first()
        reason: HoldReason = "throttle" if is_throttled else "delay"
        return Hold(reason if gathers is None else "gathering", instant(row.delayed_until))
    if row.status == "queued" and _is_paused(connection, run_id):
        return Hold("paused")
    keys = _keys_asked_for(connection, run_id) if row.status in {"queued", "running"} else ()
    if keys:
        return Hold("concurrency", keys=keys)
    if row.status == "queued":
        return Hold("worker")
    waits_its_turn = is_throttled and row.status == "running" and not _has_leave(connection, run_id)
    return Hold("throttle") if waits_its_turn else None


def _has_leave(connection: sa.Connection, run_id: str) -> bool:
    """Whether a run has been let start by its throttle."""
    started = sa.select(tables.started.c.run_id).where(tables.started.c.run_id == run_id)
    return connection.execute(started).first() is not None


def _is_paused(connection: sa.Connection, run_id: str) -> bool:
    run, pause = tables.run.c, tables.pause.c
    query = sa.select(pause.job_id).where(
        pause.job_id.in_(sa.select(run.job_id).where(run.run_id == run_id))
    )
    return connection.execute(query).first() is not None


def _keys_asked_for(connection: sa.Connection, run_id: str) -> tuple[str, ...]:
    """The concurrency keys under which a run stands in line."""
    slot = tables.slot.c
    query = sa.select(slot.key).where(slot.run_id == run_id, slot.granted.is_(False)).distinct()
    return tuple(sorted(connection.execute(query).scalars()))
