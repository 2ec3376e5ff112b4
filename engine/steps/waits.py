"""Runs that wait for an event or a signal: a durable row each, woken the moment it is answered."""

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.errors import NonRetriable
from engine.events import WireEvent
from engine.expressions import path_value, stored_expression
from engine.storage import tables
from engine.storage.effects import note_ended_wait
from engine.storage.eventlog import event_key, stored_event
from engine.storage.locks import lock_key

WaitKey = tuple[str, str]
"""Run id and step id."""

LOOKED_AT_ONCE = 100
LAST_MOMENTS_MS = 5000

NEVER_MS = 253_370_764_800_000  # the year 9999: a wait without a timeout


@dataclass(frozen=True)
class NewWait:
    """What a step starts to wait for; `match` is a path and the value it must hold, as JSON."""

    run_id: str
    step_id: str
    cause: WireEvent
    """The event that started the run."""
    event_name: str | None = None
    match: tuple[str, str] | None = None
    when: str | None = None
    signal: str | None = None
    deadline_ms: int = NEVER_MS
    at_most_s: float = math.inf
    """How long to wait, however the clock is set meanwhile."""
    look_back_ms: int | None = 0
    """How old an event may be that came before the wait; None: younger than the run."""

    @property
    def key(self) -> WaitKey:
        """Run id and step id."""
        return self.run_id, self.step_id


class Waiter:
    """One execution's wait: woken when there may be an answer."""

    __slots__ = ("_woken",)

    def __init__(self) -> None:
        self._woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        """Look."""
        if not self._woken.done():
            self._woken.set_result(None)

    async def until(self, seconds: float) -> None:
        """Wait to be woken, at most `seconds`; wakes that come after it are for the next call."""
        # An asyncio.Event under asyncio.timeout does the same, and takes 1.5 KB more.
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, self.wake)
        try:
            await self._woken
        finally:
            timer.cancel()
        self._woken = loop.create_future()


class Waits:
    """The waits of this process's runs; an answer from any process ends them."""

    def __init__(self) -> None:
        self._waiting: dict[WaitKey, Waiter] = {}
        self._waited: set[str] = set()

    def wake(self, keys: Sequence[WaitKey]) -> None:
        """These have been answered: look."""
        for key in keys:
            waiter = self._waiting.get(key)
            if waiter is not None:
                waiter.wake()

    def wake_all(self) -> None:
        """Look all of you: the clock has been set."""
        self.wake(list(self._waiting))

    def expect(self, key: WaitKey) -> Waiter:
        """Take wakes from now on, before the row is there to be answered."""
        waiter = self._waiting[key] = Waiter()
        self._waited.add(key[0])
        return waiter

    def expect_no_more(self, key: WaitKey, waiter: Waiter) -> None:
        """The wait is over.

        A run that another process had may be claimed again while its earlier execution here still
        unwinds: that one leaves the later one's waiter alone.
        """
        if self._waiting.get(key) is waiter:
            del self._waiting[key]

    def has_waited(self, run_id: str) -> bool:
        """Whether a run may have left rows behind; asked once, at its end."""
        if run_id in self._waited:
            self._waited.discard(run_id)
            return True
        return False


def open_wait(
    connection: sa.Connection, wait: NewWait, now_ms: int
) -> tuple[int, dict[str, Any] | None] | None:
    """Start to wait, or find the wait that an earlier execution has started.

    Returns its deadline and, when it has been answered already, the answer; None where the run
    has been cancelled: a wait that outlived its run would take signals from others.

    Raises:
        NonRetriable: another run waits for this signal.
    """
    if wait.event_name is not None:
        lock_key(connection, event_key(wait.event_name))  # before any row: so do those who send
    if not dbos_rows.owns(connection, wait.run_id):
        return None
    if wait.signal is not None:
        _claim_signal(connection, wait)
    row = {
        "run_id": wait.run_id,
        "step_id": wait.step_id,
        "event_name": wait.event_name,
        "match_path": None if wait.match is None else wait.match[0],
        "match": None if wait.match is None else wait.match[1],
        "condition": wait.when,
        "signal": wait.signal,
        "deadline": wait.deadline_ms,
        "opened_at": now_ms,
    }
    if tables.insert_new(connection, tables.wait, row) and wait.look_back_ms != 0:
        _look_back(connection, wait, now_ms)
    return read_wait(connection, wait.key)


def _claim_signal(connection: sa.Connection, wait: NewWait) -> None:
    column = tables.wait.c
    lock_key(connection, "signals")
    other = connection.execute(
        sa.select(column.run_id, column.step_id)
        .where(column.signal == wait.signal, column.answer.is_(None))
        .where(sa.or_(column.run_id != wait.run_id, column.step_id != wait.step_id))
    ).first()
    if other is not None:
        raise NonRetriable(f"run {other.run_id!r} already waits for signal {wait.signal!r}")


def _look_back(connection: sa.Connection, wait: NewWait, now_ms: int) -> None:
    """Answer a new wait with the first event since then that fits and that the run has not had."""
    column, gathered = tables.event.c, tables.gathered.c
    query = (
        sa.select(column.id, column.name, column.body, column.ts, column.v, column.received_at)
        .where(column.name == wait.event_name, column.received_at >= _since(wait, now_ms))
        .order_by(column.received_at, column.id)
        .limit(LOOKED_AT_ONCE)
    )
    had = sa.union(
        sa.select(tables.answered.c.event_id).where(tables.answered.c.run_id == wait.run_id),
        sa.select(gathered.event_id).where(gathered.run_id == wait.run_id),
    )
    ids = {wait.cause.id, *connection.execute(had).scalars()}
    rows: Sequence[Any] = connection.execute(query).all()
    while rows:
        for row in rows:
            event = stored_event(row.id, row.name, row)
            if row.id not in ids and _fits(wait, event):
                answer(connection, wait.key, event.as_json())
                return
        last = (rows[-1].received_at, rows[-1].id)
        after = sa.tuple_(column.received_at, column.id) > sa.tuple_(*last)
        rows = connection.execute(query.where(after)).all() if len(rows) == LOOKED_AT_ONCE else []


def _since(wait: NewWait, now_ms: int) -> sa.ColumnElement[int]:
    """From when on events count: by default from when the run's own was accepted.

    Where the clock has been set back since then, that lies ahead: the last moments must do.
    """
    if wait.look_back_ms is not None:
        return sa.literal(now_ms - wait.look_back_ms)
    run = tables.run.c
    made_at = sa.select(run.created_at).where(run.run_id == wait.run_id).scalar_subquery()
    return sa.case((made_at <= now_ms, made_at), else_=now_ms - LAST_MOMENTS_MS)


def _fits(wait: NewWait, event: WireEvent) -> bool:
    if wait.match is not None and path_value(event.as_json(), wait.match[0]) != wait.match[1]:
        return False
    return wait.when is None or holds(wait.when, wait.cause, event)


def holds(condition: str, cause: WireEvent, later: WireEvent) -> bool:
    """Whether the condition of a wait holds; one that is no expression never does."""
    expression = stored_expression(condition)
    return expression is not None and expression.holds(cause.as_json(), later.as_json())


def read_wait(connection: sa.Connection, key: WaitKey) -> tuple[int, dict[str, Any] | None]:
    """The deadline of a wait, and its answer when there is one."""
    row = connection.execute(_READ, _named(key)).one()
    return row.deadline, None if row.answer is None else json.loads(row.answer)


def has_open_wait(connection: sa.Connection, run_id: str) -> bool:
    """Whether a run has a wait that has not been answered."""
    column = tables.wait.c
    query = sa.select(column.step_id).where(column.run_id == run_id, column.answer.is_(None))
    return connection.execute(query).first() is not None


def close_wait(connection: sa.Connection, key: WaitKey) -> None:
    """The step has been recorded: the wait is over."""
    connection.execute(_CLOSE, _named(key))


def close_waits(connection: sa.Connection, run_id: str) -> None:
    """The run has ended: nothing of it waits any more."""
    for delete in _CLOSE_ALL:
        connection.execute(delete, {"of_run": run_id})


def answer(connection: sa.Connection, key: WaitKey, value: Mapping[str, Any]) -> bool:
    """Answer a wait; False when it has been answered already."""
    done = connection.execute(_ANSWER, {**_named(key), "answer": json.dumps(value)})
    if done.rowcount and "id" in value:
        row = {"run_id": key[0], "event_id": value["id"]}
        tables.insert_new(connection, tables.answered, row)
        note_ended_wait(connection, value["id"], *key)
    return bool(done.rowcount)


def answer_waits(
    connection: sa.Connection,
    event: WireEvent,
    now_ms: int,
    cause_of: Callable[[str], WireEvent | None],
) -> list[WaitKey]:
    """Answer every wait that this event fits; `cause_of` finds the event that started a run."""
    value = event.as_json()
    named = {"event_name": event.name, "now_ms": now_ms}
    rows = list(connection.execute(_OPEN_FOR_ANY, named))
    for path in _match_paths(connection, event.name):  # one by one: an OR would scan all waits
        fits = {**named, "path": path, "value": path_value(value, path)}
        rows += connection.execute(_OPEN_FOR_VALUE, fits)
    answered: list[WaitKey] = []
    for run_id, step_id, condition in rows:
        if condition is not None:
            cause = cause_of(run_id)
            if cause is None or not holds(condition, cause, event):
                continue
        if answer(connection, (run_id, step_id), value):
            answered.append((run_id, step_id))
    return answered


def _match_paths(connection: sa.Connection, event_name: str) -> list[str]:
    """The paths by which waits for an event are matched, each found with one look into the index.

    There are as many as jobs name; the waits that use them may be ten thousands.
    """
    found: list[str] = []
    path: str | None = ""
    while path := connection.execute(
        _NEXT_PATH, {"event_name": event_name, "after": path}
    ).scalar():
        found.append(path)
    return found


_wait = tables.wait.c
_IS_THIS = sa.and_(_wait.run_id == sa.bindparam("of_run"), _wait.step_id == sa.bindparam("of_step"))
_READ = sa.select(_wait.deadline, _wait.answer).where(_IS_THIS)
_CLOSE = sa.delete(tables.wait).where(_IS_THIS)
_CLOSE_ALL = [
    sa.delete(table).where(table.c.run_id == sa.bindparam("of_run"))
    for table in (tables.wait, tables.answered)
]
_ANSWER = sa.update(tables.wait).where(_IS_THIS, _wait.answer.is_(None))
_OPEN = sa.select(_wait.run_id, _wait.step_id, _wait.condition).where(
    _wait.event_name == sa.bindparam("event_name"),
    _wait.answer.is_(None),
    _wait.deadline > sa.bindparam("now_ms"),
)
_OPEN_FOR_ANY = _OPEN.where(_wait.match_path.is_(None))
_OPEN_FOR_VALUE = _OPEN.where(
    _wait.match_path == sa.bindparam("path"), _wait.match == sa.bindparam("value")
)
_NEXT_PATH = (
    sa.select(_wait.match_path)
    .where(_wait.event_name == sa.bindparam("event_name"))
    .where(_wait.match_path > sa.bindparam("after"))
    .order_by(_wait.match_path)
    .limit(1)
)


def _named(key: WaitKey) -> dict[str, Any]:
    return {"of_run": key[0], "of_step": key[1]}


def answer_signal(connection: sa.Connection, signal: str, data: Any) -> list[WaitKey]:
    """Answer the one run that waits for a signal, if any does."""
    column = tables.wait.c
    row = connection.execute(
        sa.select(column.run_id, column.step_id).where(
            column.signal == signal, column.answer.is_(None)
        )
    ).first()
    if row is None or not answer(connection, (row.run_id, row.step_id), {"signal": data}):
        return []
    return [(row.run_id, row.step_id)]


def answered_waits(connection: sa.Connection) -> list[WaitKey]:
    """Waits whose answer nobody has taken yet: the safety net when a notice is lost."""
    column = tables.wait.c
    query = sa.select(column.run_id, column.step_id).where(column.answer.is_not(None))
    return [(run_id, step_id) for run_id, step_id in connection.execute(query)]
