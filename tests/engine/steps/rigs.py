"""Journals on each of their adapters, and what may happen to their runs meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Protocol, Self, TypeVar

from core.clock import SystemClock
from engine import Database
from engine.dbos import claiming, dbos_rows, recorded
from engine.events import WireEvent
from engine.intake.intake import Intake
from engine.live import LiveRun
from engine.steps.dbos_journal import DbosJournal, Records
from engine.steps.journal import Journal
from engine.steps.waits import Waits, close_wait
from engine.steps.working import Working
from engine.storage import tables
from engine.storage.outage import Outage
from engine.storage.transactions import Ledger
from engine.testing import Signal
from engine.testing.engine import START
from engine.testing.inbox import Inbox
from engine.testing.journal import MemoryJournal, RunRecords
from engine.testing.time import VirtualTime
from tests.engine.dbos.rig import Rig

T = TypeVar("T")
Body = Callable[[Journal], Awaitable[T]]

CAUSE = WireEvent("test/asked", {"id": 1, "by": "ann"}, "cause", 1_790_000_000_000)
"""The event that has started every run."""


class JournalRig(Protocol):
    """Executes runs, and does to them what others do."""

    async def execute(self, run_id: str, body: Body[T]) -> T:
        """Execute a run until `body` has returned; it is left without an end, as by a crash."""
        ...

    async def cancel(self, run_id: str) -> None:
        """Cancel it, as somebody whom its execution has not heard of."""
        ...

    async def send(self, event: WireEvent) -> None:
        """Accept an event."""
        ...

    async def signal(self, name: str, data: Any) -> None:
        """Send a signal."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        ...

    async def settled(self) -> None:
        """Wait for what nobody waits for."""
        ...

    def now_ms(self) -> int:
        """The time by which waits go."""
        ...


class DbosRig:
    """Runs as workflows of DBOS."""

    def __init__(self, database: Database) -> None:
        self._rig = Rig(database)
        self._waits = Waits()
        self._known: set[str] = set()
        self._spawned: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(tables.create, self._rig.pool)
        rig = await self._stack.enter_async_context(self._rig)
        self._ledger = Ledger(rig.pool_with_schema, SystemClock(), Outage())
        self._stack.callback(self._ledger.close)
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._intake = Intake({}, rig.host, "me")
        await self.send(CAUSE)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def execute(self, run_id: str, body: Body[T]) -> T:
        returned: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def run(_: dict[str, Any]) -> None:
            task = asyncio.current_task()
            assert task is not None
            close = self._close_wait
            working = Working(self._ledger)
            records = Records(self._ledger, self._waits, working, close, trusted_s=0.0)
            journal = DbosJournal(records, LiveRun(run_id, "job", task), recorded.owner())
            try:
                returned.set_result(await body(journal))
            except BaseException as error:  # noqa: BLE001 - it is the test's
                returned.set_exception(error)
            await asyncio.Event().wait()

        if run_id not in self._known:
            self._known.add(run_id)
            await self._ledger.transact(_store_run, run_id, self.now_ms())
            self._rig.enqueue(run_id)
        else:
            await self._ledger.transact(claiming.hand_over, [run_id])
        self._rig.body = run
        task = await self._rig.start(run_id)
        try:
            return await returned
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=3)

    async def cancel(self, run_id: str) -> None:
        await self._ledger.transact(dbos_rows.cancel, [run_id])

    async def send(self, event: WireEvent) -> None:
        accepted = await self._ledger.transact(self._intake.accept, [event], self.now_ms())
        self._waits.wake(accepted.woken)

    async def signal(self, name: str, data: Any) -> None:
        accepted = await self._ledger.transact(self._intake.signal, name, data, self.now_ms())
        self._waits.wake(accepted.woken)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def settled(self) -> None:
        if self._spawned:
            await asyncio.wait(self._spawned)

    def now_ms(self) -> int:
        return self._ledger.now_ms()

    def _close_wait(self, run_id: str, step_id: str) -> None:
        closing: Coroutine[Any, Any, None] = self._ledger.transact(close_wait, (run_id, step_id))
        self._spawned.add(self._group.create_task(closing))


def _store_run(connection: Any, run_id: str, now_ms: int) -> None:
    row = {"run_id": run_id, "job_id": "job", "event_id": CAUSE.id, "parent_run_id": None}
    tables.insert_new(connection, tables.run, {**row, "created_at": now_ms})


class MemoryRig:
    """Runs of a test."""

    def __init__(self) -> None:
        self._time = VirtualTime(START)
        self._inbox = Inbox(self._time)
        self._records: dict[str, RunRecords] = {}
        self._live: dict[str, LiveRun] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        driving = group.create_task(self._time.drive(lambda: None))
        self._stack.callback(driving.cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def execute(self, run_id: str, body: Body[T]) -> T:
        task = asyncio.current_task()
        assert task is not None
        live = self._live[run_id] = LiveRun(run_id, "job", task)
        self._inbox.starts(run_id)
        records = self._records.setdefault(run_id, RunRecords())
        return await body(MemoryJournal(records, live, time=self._time, waits=self._inbox))

    async def cancel(self, run_id: str) -> None:
        self._live[run_id].stopped = "cancelled"

    async def send(self, event: WireEvent) -> None:
        self._inbox.deliver(event)

    async def signal(self, name: str, data: Any) -> None:
        self._inbox.signal(Signal(name, data))

    async def pause(self, seconds: float) -> None:
        await self._time.sleep(seconds)

    async def settled(self) -> None:
        """Nothing is left for later."""

    def now_ms(self) -> int:
        return self._time.now_ms()
