"""Concurrency keys: how many steps of one key may execute, and who is next."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.storage import tables
from engine.storage.locks import lock_key
from engine.storage.notices import Notice, publish
from engine.storage.tables import insert_new
from engine.storage.transactions import Ledger

POLL_S = 1.0  # the safety net when another process grants a place and its notice is lost

NOBODY = ""  # the executor of a run that waits in its queue

Place = tuple[str, str, int]
"""Key, run id, number within the run."""


@dataclass(frozen=True)
class Want:
    """One concurrency limit as it applies to one run."""

    key: str
    limit: int
    counts: Literal["steps", "runs"] = "steps"


def grant(connection: sa.Connection, key: str) -> list[Place]:
    """Give free places of a key to those who wait, oldest run first; returns who got one."""
    slot = tables.slot.c
    held = connection.execute(
        sa.select(sa.func.count()).where(slot.key == key, slot.granted.is_(True))
    ).scalar_one()
    run, pause = tables.run.c, tables.pause.c
    paused = sa.select(pause.job_id).where(run.run_id == slot.run_id, run.job_id == pause.job_id)
    waiting = connection.execute(
        sa.select(slot.run_id, slot.number, slot.allowed)
        .where(slot.key == key, slot.granted.is_(False))
        # A run that must not start keeps its turn, and nobody waits for it.
        .where(sa.or_(slot.executor_id != NOBODY, ~paused.exists()))
        .order_by(slot.position, slot.run_id, slot.number)
    )
    granted: list[Place] = []
    for run_id, number, allowed in waiting:
        if held >= allowed:
            break
        held += 1
        connection.execute(
            sa.update(tables.slot)
            .where(slot.key == key, slot.run_id == run_id, slot.number == number)
            .values(granted=True)
        )
        granted.append((key, run_id, number))
    return granted


def queue_up(
    connection: sa.Connection, want: Want, run_id: str, position: int, number: int = 0
) -> None:
    """Stand in line for a key; runs do it when they are enqueued, so no worker swaps them."""
    row = {
        "key": want.key,
        "run_id": run_id,
        "number": number,
        "allowed": want.limit,
        "position": position,
        "granted": False,
        "executor_id": NOBODY,
    }
    insert_new(connection, tables.slot, row)


def leave(connection: sa.Connection, run_id: str) -> list[Place]:
    """Give up all places of a run that has ended; returns who gets them."""
    return _leave(connection, run_id, tables.slot.c.run_id == run_id)


def leave_queues(connection: sa.Connection, run_id: str) -> list[Place]:
    """Give up the places of a cancelled run that no process executes; returns who gets them."""
    slot = tables.slot.c
    return _leave(connection, run_id, sa.and_(slot.run_id == run_id, slot.executor_id == NOBODY))


def _leave(connection: sa.Connection, run_id: str, which: sa.ColumnElement[bool]) -> list[Place]:
    found = connection.execute(sa.select(tables.slot.c.key, tables.slot.c.number).where(which))
    return _release(connection, [(key, run_id, number) for key, number in found])


def owners_besides(connection: sa.Connection, alive: Sequence[str]) -> list[str]:
    """The processes that have places and are not among these."""
    owner = tables.slot.c.executor_id
    query = sa.select(owner).where(owner != NOBODY, owner.not_in(alive)).distinct()
    return list(connection.execute(query).scalars())


def disown(connection: sa.Connection, executor_ids: Sequence[str]) -> list[Place]:
    """Processes are gone: their runs keep their turn; places of runs that ended are dropped.

    Returns who gets what has become free.
    """
    slot = tables.slot.c
    dead = slot.executor_id.in_(executor_ids)
    keys = sorted(connection.execute(sa.select(slot.key).where(dead).distinct()).scalars())
    for key in keys:  # before the rows: so does whoever grants
        lock_key(connection, key)
    over = sa.or_(slot.number > 0, slot.run_id.not_in(dbos_rows.active_runs()))
    connection.execute(sa.delete(tables.slot).where(dead, over))
    connection.execute(sa.update(tables.slot).where(dead).values(executor_id=NOBODY))
    granted: list[Place] = []
    for key in keys:
        granted += grant(connection, key)
    for job_id in connection.execute(sa.select(tables.pause.c.job_id)).scalars().all():
        granted += withdraw(connection, job_id)
    return granted


def drop_ended(connection: sa.Connection, before_ms: int) -> list[Place]:
    """Drop places of runs that ended before a time: what should have given them back did not.

    Returns who gets them.
    """
    slot = tables.slot.c
    query = sa.select(slot.key, slot.run_id, slot.number).where(
        slot.run_id.not_in(dbos_rows.runs_not_ended_before(before_ms))
    )
    left = [(key, run_id, number) for key, run_id, number in connection.execute(query)]
    return _release(connection, left)


def withdraw(connection: sa.Connection, job_id: str) -> list[Place]:
    """Give what queued runs of a paused job have been granted to others; returns who gets it."""
    slot = tables.slot.c
    runs = sa.select(tables.run.c.run_id).where(tables.run.c.job_id == job_id)
    queued = sa.and_(slot.executor_id == NOBODY, slot.granted.is_(True), slot.run_id.in_(runs))
    keys = sorted(connection.execute(sa.select(slot.key).where(queued).distinct()).scalars())
    granted: list[Place] = []
    for key in keys:
        lock_key(connection, key)
        connection.execute(
            sa.update(tables.slot).where(queued, slot.key == key).values(granted=False)
        )
        granted += grant(connection, key)
    return granted


class Slots:
    """The places of every key; waits of this process are woken through futures."""

    def __init__(self, ledger: Ledger, executor_id: str) -> None:
        self._ledger = ledger
        self._executor_id = executor_id
        self._waiting: dict[Place, asyncio.Event] = {}

    def wake(self, granted: Sequence[Place]) -> None:
        """Tell the runs of this process that they have been given places."""
        for place in granted:
            event = self._waiting.get(place)
            if event is not None:
                event.set()

    async def acquire(self, run_id: str, want: Want, *, number: int, position: int) -> None:
        """Wait until the run has this place."""
        place = (want.key, run_id, number)
        event = self._waiting[place] = asyncio.Event()
        try:
            self.wake(await self._ledger.transact(self._ask, want, run_id, number, position))
            while not event.is_set():
                try:
                    async with asyncio.timeout(POLL_S):
                        await event.wait()
                except TimeoutError:
                    if await self._ledger.transact(_is_granted, place):
                        return
        finally:
            if self._waiting.get(place) is event:  # else a later execution of the run asks for it
                del self._waiting[place]

    def _ask(
        self, connection: sa.Connection, want: Want, run_id: str, number: int, position: int
    ) -> list[Place]:
        if not dbos_rows.owns(connection, run_id):
            return []  # stopped meanwhile: a place would outlive the run
        lock_key(connection, want.key)
        queue_up(connection, want, run_id, position, number)
        slot = tables.slot.c
        connection.execute(
            sa.update(tables.slot)
            .where(slot.key == want.key, slot.run_id == run_id, slot.number == number)
            .values(executor_id=self._executor_id)
        )
        granted = grant(connection, want.key)
        mine = (want.key, run_id, number)
        if mine not in granted and _is_granted(connection, mine):
            granted.append(mine)  # granted while it was still queued
        publish(connection, Notice(self._executor_id, places=tuple(granted)))
        return granted

    async def release(self, places: Sequence[Place]) -> None:
        """Give places back and wake those who get them."""
        self.wake(await self._ledger.transact(self._release_and_tell, places))

    def _release_and_tell(self, connection: sa.Connection, places: Sequence[Place]) -> list[Place]:
        granted = _release(connection, places)
        publish(connection, Notice(self._executor_id, places=tuple(granted)))
        return granted


def _is_granted(connection: sa.Connection, place: Place) -> bool:
    key, run_id, number = place
    slot = tables.slot.c
    query = sa.select(slot.granted).where(
        slot.key == key, slot.run_id == run_id, slot.number == number
    )
    return bool(connection.execute(query).scalar())


def _release(connection: sa.Connection, places: Sequence[Place]) -> list[Place]:
    granted: list[Place] = []
    for key, run_id, number in sorted(places):
        lock_key(connection, key)
        slot = tables.slot.c
        connection.execute(
            sa.delete(tables.slot).where(
                slot.key == key, slot.run_id == run_id, slot.number == number
            )
        )
        granted += grant(connection, key)
    return granted


class RunPlaces(Protocol):
    """The places of one run under its concurrency keys."""

    def step(self) -> AbstractAsyncContextManager[None]:
        """Hold one while a step executes."""
        ...

    async def pause(self) -> None:
        """Give the kept one back: the run is about to sleep, wait or back off."""
        ...


class Gate:
    """One run's places. Between steps it keeps one of each key; while it sleeps, none.

    A limit that counts runs has one place for all steps of a run, number 0.
    """

    def __init__(self, slots: Slots, run_id: str, wants: Sequence[Want], position: int) -> None:
        self._slots = slots
        self._run_id = run_id
        in_order = sorted(wants, key=lambda want: want.key)  # one order, so no deadlock
        self._per_run = tuple(want for want in in_order if want.counts == "runs")
        self._per_step = tuple(want for want in in_order if want.counts == "steps")
        self._position = position
        self._entering = asyncio.Lock() if self._per_run else None
        self._has_entered = False
        self._executing = 0
        self._asking = 0
        self._idle: list[int] = []
        self._taken: list[int] = []

    async def open(self) -> None:
        """Wait for the run's first place."""
        await self._enter()
        if self._per_step:
            self._idle.append(await self._acquire())

    @asynccontextmanager
    async def step(self) -> AsyncGenerator[None]:
        """Hold a place while a step executes."""
        await self._enter()
        if not self._per_step:
            self._executing += 1
            try:
                yield
            finally:
                self._executing -= 1
            return
        number = self._idle.pop() if self._idle else await self._acquire()
        self._executing += 1
        try:
            yield
        finally:
            self._executing -= 1
            self._idle.append(number)
            # A parallel step that asks for a place gets it as any run does: through the line.
            if len(self._idle) > 1 or self._asking:
                await self._release(self._per_step, [self._idle.pop()])

    async def pause(self) -> None:
        """Give the kept place back: the run is about to sleep, wait or back off."""
        if self._executing:
            return
        idle, self._idle = self._idle, []
        if idle:
            await self._release(self._per_step, idle)
        if self._has_entered and self._per_run:
            self._has_entered = False
            await self._release(self._per_run, [0])

    async def _enter(self) -> None:
        if self._entering is None:
            return
        async with self._entering:
            if not self._has_entered:
                for want in self._per_run:
                    await self._slots.acquire(self._run_id, want, number=0, position=self._position)
                self._has_entered = True

    async def _acquire(self) -> int:
        number = next(n for n in range(len(self._taken) + 1) if n not in self._taken)
        self._taken.append(number)  # so that a parallel step asks for another one
        self._asking += 1
        try:
            for want in self._per_step:
                await self._slots.acquire(
                    self._run_id, want, number=number, position=self._position
                )
        except BaseException:
            self._taken.remove(number)
            raise
        finally:
            self._asking -= 1
        return number

    async def _release(self, wants: Sequence[Want], numbers: Sequence[int]) -> None:
        if wants is self._per_step:
            self._taken = [number for number in self._taken if number not in numbers]
        await self._slots.release(
            [(want.key, self._run_id, number) for want in wants for number in numbers]
        )
