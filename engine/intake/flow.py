"""Flow control of starts: priority, throttle, rate limit, idempotency, singleton."""

import math
from dataclasses import dataclass

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.duration import seconds_of
from engine.events import WireEvent
from engine.intake.counters import SKEW_MS, read_counter, store_counter
from engine.intake.throttles import plan
from engine.options import Flow, Singleton
from engine.storage import tables
from engine.storage.locks import lock_key

PRIORITY_MAX = 600
PRIORITY_BASE_S = 1_767_225_600  # 2026: DBOS's priorities are positive 32-bit numbers
IDEMPOTENCY_S = 24 * 3600


@dataclass(frozen=True)
class Admission:
    """How a run may start: when, how urgently, and which runs must go first."""

    delay_ms: int = 0
    ahead_s: int = 0
    """By how many seconds it goes ahead of others."""
    priority: int | None = None
    replaces: tuple[str, ...] = ()
    throttled_by: str | None = None
    """The key whose throttle must let it start, too, once it could; see `intake.throttles`."""


def admit(  # noqa: PLR0913, PLR0917 - one decision, from all it depends on
    connection: sa.Connection,
    flow: Flow,
    job_id: str,
    run_id: str,
    event: WireEvent,
    now_ms: int,
) -> Admission | None:
    """Whether and how an event may start a run of a job; None when it starts nothing."""
    options = flow.options
    if not options:
        return Admission()
    value = event.as_json()
    # A key that cannot be told loses no event, as in Inngest.
    if "idempotency" in options:
        key = flow.key(job_id, "idempotency", value)
        if key is not None and not _within_window(connection, key, 1, IDEMPOTENCY_S * 1000, now_ms):
            return None
    if "rate_limit" in options:
        rate = options["rate_limit"]
        period_ms = int(seconds_of(rate.period) * 1000)
        key = flow.key(job_id, "rate_limit", value)
        if key is not None and not _within_window(connection, key, rate.limit, period_ms, now_ms):
            return None
    replaces: tuple[str, ...] = ()
    if "singleton" in options and (key := flow.key(job_id, "singleton", value)) is not None:
        holder = _take_singleton(connection, key, run_id, options["singleton"])
        if holder is not None and options["singleton"].mode == "skip":
            return None
        replaces = () if holder is None else (holder,)
    delay_ms, throttled_by = 0, None
    if "throttle" in options:
        throttled_by = flow.shared_key(job_id, "throttle", value)
        delay_ms = plan(connection, throttled_by, options["throttle"], now_ms)
    priority, ahead_s = None, 0
    if "priority" in options:
        ahead_s = _clamped(flow.expressions["priority"].value(value))
        priority = max(1, now_ms // 1000 - PRIORITY_BASE_S + PRIORITY_MAX + 1 - ahead_s)
    return Admission(delay_ms, ahead_s, priority, replaces, throttled_by)


def _clamped(value: object) -> int:
    if not isinstance(value, (int, float)) or math.isnan(value):
        return 0  # a priority that cannot be told is the ordinary one
    return int(max(-PRIORITY_MAX, min(PRIORITY_MAX, value)))


def _within_window(
    connection: sa.Connection, key: str, limit: int, period_ms: int, now_ms: int
) -> bool:
    found = read_counter(connection, key)
    if found is None or found[0] + period_ms <= now_ms:
        store_counter(connection, key, now_ms, 1)
        return True
    since, number = found
    if since > now_ms + SKEW_MS:  # the clock has been set back: no window is longer than its period
        store_counter(connection, key, now_ms, number)
        since = now_ms
    if number >= limit:
        return False
    store_counter(connection, key, since, number + 1)
    return True


def _take_singleton(
    connection: sa.Connection, key: str, run_id: str, rule: Singleton
) -> str | None:
    """The run that holds the key, if it has not ended; else, or to replace it, take the key."""
    lock_key(connection, key)
    single = tables.singleton.c
    holder = connection.execute(
        sa.select(single.run_id).where(
            single.key == key, single.run_id.in_(dbos_rows.active_runs())
        )
    ).scalar()
    if holder is not None and rule.mode == "skip":
        return holder
    if not tables.insert_new(connection, tables.singleton, {"key": key, "run_id": run_id}):
        connection.execute(
            sa.update(tables.singleton).where(single.key == key).values(run_id=run_id)
        )
    return holder
