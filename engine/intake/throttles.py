"""Throttles (GCRA): when runs are to start, and that they do not start faster than that.

A run is given a time as its event comes in, which spreads the runs out. That is a plan only: after
a downtime, a pause or a wait for a place, many runs are late at once. So each asks for leave, with
its places in hand, right before its body begins for the first time (see `engine.workers.pacing`).
"""

from dataclasses import dataclass
from time import monotonic

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.dbos.recorded import NotOurs
from engine.duration import seconds_of
from engine.intake.counters import SKEW_MS, read_counter, store_counter
from engine.options import Throttle
from engine.storage import tables

SLACK, MOST_SLACK_MS = 0.02, 25.0
"""From the leave to the body it takes one run longer than another: starts are that much further
apart than the limit says, so that they are never closer."""


def slack_ms(rule: Throttle) -> float:
    """By how much starts are further apart than the limit says."""
    return min(_exact_ms(rule) * SLACK, MOST_SLACK_MS)


def spacing_ms(rule: Throttle) -> float:
    """How far apart starts are."""
    return _exact_ms(rule) + slack_ms(rule)


def _exact_ms(rule: Throttle) -> float:
    return seconds_of(rule.period) * 1000 / rule.limit


def plan(connection: sa.Connection, key: str, rule: Throttle, now_ms: int) -> int:
    """In how many ms a new run is to start.

    Stored are when the next run would be on time, and when that was said, in ms.
    """
    interval = spacing_ms(rule)
    on_time, said_at = read_counter(connection, key) or (now_ms, now_ms)
    if said_at > now_ms + SKEW_MS:
        on_time -= said_at - now_ms  # the clock has been set back
    on_time = max(now_ms, on_time)
    start = max(now_ms, int(on_time - interval * (rule.burst - 1)))
    store_counter(connection, key, int(on_time + interval), now_ms)
    return start - now_ms


@dataclass(frozen=True)
class Start:
    """A run whose body is about to begin."""

    run_id: str
    job_id: str
    key: str
    rule: Throttle
    is_first: bool
    """Whether no earlier execution can have begun it."""

    @property
    def counted_by(self) -> str:
        """The key of the counter of starts; that of the plan is the throttle's own."""
        return f"{self.key}:started"


@dataclass(frozen=True)
class Leave:
    """What a run that asked has been told."""

    wait_ms: int | None
    """None: it starts now. Else nothing of its key starts before that."""
    next_ms: int = 0
    """When it starts: in how many ms the next run may."""
    given_at: float = 0.0
    """When at the earliest, by the monotonic clock of the machine."""
    is_paused: bool = False
    """Its job is paused: it belongs into its queue."""


def ask(connection: sa.Connection, start: Start, now_ms: int) -> Leave:
    """Let a run start, or say when the next one may. Raises: NotOurs: it has been cancelled."""
    asked_at = monotonic()  # before the database says how late it is: a start counts from then
    if not dbos_rows.owns(connection, start.run_id):
        raise NotOurs(start.run_id)
    begun = sa.select(tables.started.c.run_id).where(tables.started.c.run_id == start.run_id)
    if not start.is_first and connection.execute(begun).first() is not None:
        return Leave(None)
    paused = sa.select(tables.pause.c.job_id).where(tables.pause.c.job_id == start.job_id)
    if connection.execute(paused).first() is not None:
        return Leave(0, is_paused=True)
    interval = spacing_ms(start.rule)
    on_time, _ = read_counter(connection, start.counted_by) or (0, 0)
    if connection.dialect.name == "postgresql":
        now_ms = tables.database_now_ms(connection)  # the machines' clocks may differ
    earlier = interval * (start.rule.burst - 1)
    on_time = min(on_time, now_ms + earlier + interval)  # later only if the clock was set back
    if on_time - earlier > now_ms:
        return Leave(int(on_time - earlier - now_ms) + 1)
    on_time = max(on_time, now_ms) + interval
    store_counter(connection, start.counted_by, int(on_time), now_ms)
    tables.insert_new(connection, tables.started, {"run_id": start.run_id})
    return Leave(None, max(0, int(on_time - earlier - now_ms) + 1), asked_at)


def begun_late(connection: sa.Connection, key: str, by_ms: int) -> None:
    """A run began so long after it was let start: those of other processes wait for longer, too."""
    counted = read_counter(connection, key)
    if counted is not None:
        store_counter(connection, key, counted[0] + by_ms, counted[1])
