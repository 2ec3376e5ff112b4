"""The engine: start it, send events, look at runs, cancel them."""

import asyncio
import logging
import os
import socket
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC
from functools import partial
from typing import Any, Self

import sqlalchemy as sa
from pydantic import ValidationError

from core.clock import Clock, SystemClock
from core.ids import EventId
from engine import tables
from engine.context import Provided
from engine.database import Database, PostgresDatabase, SqliteDatabase, closer
from engine.dbos import private
from engine.dbos.host import Host
from engine.dispatcher import Dispatcher
from engine.duration import Duration, seconds_of
from engine.errands import Errands
from engine.errors import BadEvent, BadJob, EngineNotRunning, NoSuchRun, RunCancelled
from engine.eventlog import DEDUPLICATION_MS
from engine.events import Event, EventData, SentEvent, WireEvent, new_event_id
from engine.fleet import Fleet
from engine.inspection import Inspection
from engine.intake import Accepted, Intake, queue_of
from engine.job import Job
from engine.ledger import Ledger
from engine.live import LiveRun, LiveRuns
from engine.notices import Notice, listen, publish
from engine.retention import sweep_batch
from engine.runner import Parts, Runner
from engine.runs import (
    RunInfo,
    RunStatus,
    StepRecord,
    list_runs,
    read_run,
    read_steps,
)
from engine.slots import Slots, disown
from engine.timekeeper import Timekeeper
from engine.waits import has_open_wait

log = logging.getLogger("engine")

MAX_RUNNING = 200  # executing at once; runs that sleep or wait do not count
GRACE_S = 10.0
LEASE_S = 10.0
SWEEP_EVERY_S = 300.0
SWEEP_PAUSE_S = 0.05  # between batches, for the others
STARTING_S = 0.005  # a claimed run becomes live within a few hops between threads
TELL_ENDED_S = 0.005  # ends of runs are told to other processes together
STOP_S = 5.0  # a step that ignores its cancellation for longer is left behind, and logged
POLL_S = 1.0  # when a run ends in another process and its notice is lost


class Engine:
    """Durable jobs on SQLite or PostgreSQL. Use it as an async context manager.

    Args:
        jobs: what may run; two with one id are refused.
        database: where events and runs are kept.
        provide: objects that jobs get with `ctx.need(Type)`.
        executor_id: names this process. On SQLite it must stay the same over restarts (the default
            does); on PostgreSQL it must be unique (the default is).
        works: False for a process that only sends, cancels and looks.
        max_running: how many runs execute at once here; sleeping and waiting ones do not count.
        lease_s: on PostgreSQL, after how long without a sign of life others take the runs over.
        retention: how long ended runs, and events, are kept; at least the 24 hours in which the
            ids of events are remembered.
        grace_s: how long leaving waits for running steps before it interrupts and hands them over.
    """

    def __init__(  # noqa: PLR0913 - named settings, each with a default
        self,
        *,
        jobs: Sequence[Job[Any, Any]],
        database: Database,
        provide: Sequence[object] = (),
        executor_id: str | None = None,
        name: str = "engine",
        works: bool = True,
        max_running: int = MAX_RUNNING,
        grace_s: float = GRACE_S,
        lease_s: float = LEASE_S,
        retention: Duration = "7d",
        clock: Clock | None = None,
    ) -> None:
        self._jobs: dict[str, Job[Any, Any]] = {}
        for job in jobs:
            if job.id in self._jobs:
                raise BadJob(job.id, "two jobs have this id")
            self._jobs[job.id] = job
        self._models = _models(self._jobs)
        self._database = database
        self._provided = Provided(list(provide))
        self._name = name
        self._works = works
        self._max_running = max_running
        self._grace_s = grace_s
        self._clock = clock or SystemClock()
        if executor_id is None:
            single = isinstance(database, SqliteDatabase)
            executor_id = (
                "sqlite"
                if single
                else f"{socket.gethostname()}-{os.getpid()}-{new_event_id()[-8:]}"
            )
        self.executor_id = executor_id
        self._lease_s = lease_s
        self._retention_s = max(seconds_of(retention), DEDUPLICATION_MS / 1000)
        self._exit: AsyncExitStack | None = None
        self._ended: list[str] = []
        self._is_closed = False
        self._dispatching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start.

        Raises:
            DatabaseInUse: another process holds the SQLite file.
            DatabaseTooNew: newer code has written to the database.
        """
        self._is_closed = False
        async with AsyncExitStack() as stack:
            stack.enter_context(self._database.held())
            pool = self._database.connect()
            stack.callback(closer(pool))
            await asyncio.to_thread(tables.create, pool)
            ledger = self._ledger = Ledger(private.with_schema(pool), self._clock)
            stack.callback(ledger.close)
            host = Host(self._database, pool, app=self._name, executor_id=self.executor_id)
            self._intake = Intake(self._jobs, host, self.executor_id)
            self._slots = Slots(ledger, self.executor_id)
            self._live = LiveRuns(self._run_ended)
            self._errands = Errands(
                self._intake,
                ledger,
                act=self._act,
                result=partial(self.result, timeout_s=None),
                spawn=self._spawn,
                wire=partial(self._wire, user=None),
            )
            parts = Parts(
                ledger=ledger,
                intake=self._intake,
                slots=self._slots,
                live=self._live,
                provided=self._provided,
                act=self._act,
                outside=self._errands,
                spawn=self._spawn,
            )
            runner = Runner(self._jobs, parts)
            self._dispatcher = Dispatcher(
                [queue_of(job_id) for job_id in self._jobs],
                ledger=ledger,
                room=self._room,
                dispatched=self._was_claimed,
                gave_up=self._gave_up,
            )
            await host.start(runner.execute)
            stack.push_async_callback(host.stop)
            await ledger.transact(disown, [self.executor_id])
            self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
            if isinstance(self._database, PostgresDatabase):
                await self._join_fleet(self._database, stack)
            stack.push_async_callback(self._drain)
            if self._works:
                self._dispatching = self._tasks.create_task(self._dispatcher.work())
                self._dispatcher.kick_at(0)
                self._keep_time(stack)
            self._exit = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop: running steps get the grace time, then everything unfinished is handed over."""
        stack, self._exit = self._exit, None
        if stack is not None:
            await stack.aclose()

    async def send(
        self,
        event: EventData | Event,
        *,
        event_id: str | None = None,
        user: Mapping[str, Any] | None = None,
    ) -> SentEvent:
        """Send one event: stored, and its runs enqueued, before this returns.

        An `event_id` seen in the last 24 hours starts nothing and gets the first send's answer.

        Raises:
            BadEvent: the data does not fit the event's model, or is too large.
        """
        wire = self._wire(event, event_id, user)
        return (await self._send([wire]))[0]

    async def send_many(self, events: Iterable[EventData | Event]) -> list[SentEvent]:
        """Send events in one transaction: all are stored, or none.

        Raises:
            BadEvent: one of them was refused.
        """
        return await self._send([self._wire(event, None, None) for event in events])

    async def _send(self, events: list[WireEvent]) -> list[SentEvent]:
        self._check_running()
        accepted = await self._ledger.transact(self._intake.accept, events, self._ledger.now_ms())
        self._act(accepted)
        return accepted.sent

    async def send_signal(self, signal: str, data: Any = None) -> bool:
        """Wake the run that waits for this signal; False when none does. `data` is JSON."""
        self._check_running()
        accepted = await self._ledger.transact(
            self._intake.signal, signal, data, self._ledger.now_ms()
        )
        self._act(accepted)
        return bool(accepted.woken)

    async def cancel(self, run_id: str) -> bool:
        """Cancel a run, and those it invoked. False if it had ended already.

        When this returns its step has been interrupted, and nothing is stored for it any more.

        Raises:
            NoSuchRun: there is no such run.
        """
        self._check_running()
        accepted = await self._ledger.transact(self._cancel, run_id)
        self._act(accepted)
        await self._wait_stopped(accepted.cancelled)
        return run_id in accepted.cancelled

    def _cancel(self, connection: sa.Connection, run_id: str) -> Accepted:
        if private.run_row(connection, run_id) is None:
            raise NoSuchRun(run_id)
        accepted = Accepted(self._ledger.now_ms())
        self._intake.cancel(connection, [run_id], accepted)
        self._intake.publish(connection, accepted)
        return accepted

    async def _wait_stopped(self, run_ids: Iterable[str]) -> None:
        me = asyncio.current_task()
        for run_id in run_ids:
            live = self._live.get(run_id)
            if live is None or live.task is me:
                continue
            try:
                async with asyncio.timeout(STOP_S):
                    await live.ended.wait()
            except TimeoutError:
                log.warning("step_ignores_cancel", extra={"run_id": run_id, "job_id": live.job_id})

    async def run(self, run_id: str) -> RunInfo:
        """What is known of a run.

        Raises:
            NoSuchRun: there is no such run.
        """
        self._check_running()
        info = await self._ledger.transact(read_run, run_id)
        if info is None:
            raise NoSuchRun(run_id)
        return info

    @property
    def inspect(self) -> Inspection:
        """Filtered, paged views of runs, events, waits, queues, and metrics."""
        self._check_running()
        return Inspection(self._ledger)

    def live_runs(self) -> list[str]:
        """The ids of the runs that execute, sleep or wait in this process."""
        return [live.run_id for live in self._live.all()]

    async def is_waiting(self, run_id: str) -> bool:
        """Whether a run waits for an event or a signal, so that one sent now reaches it."""
        self._check_running()
        return await self._ledger.transact(has_open_wait, run_id)

    async def runs(
        self, *, job_id: str | None = None, status: RunStatus | None = None, limit: int = 50
    ) -> list[RunInfo]:
        """The newest runs, newest first."""
        self._check_running()
        return await self._ledger.transact(list_runs, job_id=job_id, status=status, limit=limit)

    async def steps(self, run_id: str) -> list[StepRecord]:
        """The recorded steps of a run, in the order they were first asked for."""
        self._check_running()
        return await self._ledger.transact(read_steps, run_id)

    async def wait(self, run_id: str, timeout_s: float | None) -> RunInfo:
        """Wait until a run has ended.

        Raises:
            TimeoutError: it has not ended within `timeout_s`.
            NoSuchRun: there is no such run.
        """
        with self._live.watching(run_id) as may_have_ended:
            async with asyncio.timeout(timeout_s):
                while True:
                    info = await self.run(run_id)
                    if info.has_ended:
                        return info
                    try:
                        async with asyncio.timeout(POLL_S):
                            await may_have_ended.wait()
                    except TimeoutError:
                        pass
                    may_have_ended.clear()

    async def result(self, run_id: str, timeout_s: float | None) -> Any:
        """Wait for a run and return its result, as JSON.

        Raises:
            RunFailed: it failed.
            RunCancelled: it was cancelled.
            TimeoutError: it has not ended within `timeout_s`.
        """
        info = await self.wait(run_id, timeout_s)
        if info.error is not None:
            raise info.error
        if info.status == "cancelled":
            raise RunCancelled(run_id)
        return info.result

    def _check_running(self) -> None:
        if self._exit is None:
            raise EngineNotRunning("the engine is not running; use it inside `async with engine`")

    def _wire(
        self, event: EventData | Event, event_id: str | None, user: Mapping[str, Any] | None
    ) -> WireEvent:
        if isinstance(event, EventData):
            if not event.event_name:
                raise BadEvent(type(event).__name__, "the class names no event: EventData, event=…")
            data = event.model_dump(mode="json", by_alias=True)
            event = Event(event.event_name, data)
        else:
            self._validate(event)
        ts = event.ts or self._clock.now()
        if ts.tzinfo is None:
            raise BadEvent(event.name, "its ts has no time zone")
        who = user if user is not None else event.user
        return WireEvent(
            name=event.name,
            data=dict(event.data),
            id=EventId(event_id or event.id or new_event_id()),
            ts_ms=int(ts.astimezone(UTC).timestamp() * 1000),
            v=event.v,
            user=None if who is None else dict(who),
        )

    def _validate(self, event: Event) -> None:
        for model in self._models.get(event.name, ()):
            try:
                model.model_validate(event.data)
            except ValidationError as error:
                first = error.errors(include_input=False, include_url=False)[0]
                field = ".".join(str(part) for part in first["loc"]) or "data"
                raise BadEvent(event.name, f"{field}: {first['msg']}") from error

    def _keep_time(self, stack: AsyncExitStack) -> None:
        timekeeper = Timekeeper(self._jobs, ledger=self._ledger, intake=self._intake, act=self._act)
        if timekeeper.is_needed:
            task = self._tasks.create_task(timekeeper.work())
            stack.callback(task.cancel)
        sweeping = self._tasks.create_task(self._sweep())
        stack.callback(sweeping.cancel)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                await self.sweep()
            except Exception:  # the rim of the loop: the database may be away for a while
                log.exception("sweep_failed")

    async def sweep(self) -> None:
        """Delete what is older than the retention now; it happens by itself every few minutes."""
        before_ms = self._ledger.now_ms() - int(self._retention_s * 1000)
        swept = await self._ledger.transact(sweep_batch, before_ms)
        while swept.may_be_more:
            await asyncio.sleep(SWEEP_PAUSE_S)
            swept = await self._ledger.transact(sweep_batch, before_ms)

    async def _join_fleet(self, database: PostgresDatabase, stack: AsyncExitStack) -> None:
        listener = self._tasks.create_task(listen(database.libpq, self.executor_id, self._hear))
        stack.callback(listener.cancel)
        if not self._works:
            return
        fleet = Fleet(
            self.executor_id,
            ledger=self._ledger,
            live=self._live,
            lease_s=self._lease_s,
            kick=self._dispatcher.kick,
            wake=self._errands.waits.wake,
        )
        await fleet.join()
        stack.push_async_callback(fleet.leave)
        beating = self._tasks.create_task(fleet.work())
        stack.callback(beating.cancel)

    def _hear(self, notice: Notice) -> None:
        """Look at what another process has told us of."""
        for run_id in notice.cancelled:
            self._stop_cancelled(run_id)
        for run_id in notice.ended:
            self._live.wake(run_id)
        self._slots.wake(notice.places)
        self._errands.waits.wake(notice.woken)
        self._dispatcher.kick(map(queue_of, self._jobs) if notice.everything else notice.queues)

    def _stop_cancelled(self, run_id: str) -> None:
        live = self._live.get(run_id)
        if live is not None:
            live.stop("cancelled")
        self._live.wake(run_id)

    def _act(self, accepted: Accepted) -> None:
        """Wake what a committed transaction concerns."""
        for run_id in accepted.cancelled:
            self._stop_cancelled(run_id)
        self._slots.wake(accepted.granted)
        self._errands.waits.wake(accepted.woken)
        self._dispatcher.kick(accepted.queues)
        for at_ms in accepted.delayed_until_ms:
            self._dispatcher.kick_at((at_ms - self._ledger.now_ms()) / 1000)

    def _room(self) -> int:
        return self._max_running - self._live.executing()

    def _was_claimed(self, claimed: private.Claimed) -> None:
        self._live.starting.add(claimed.run_id)
        if claimed.is_first:
            self._live.first_time.add(claimed.run_id)

    def _gave_up(self, run_id: str) -> None:
        log.error("run_set_aside", extra={"run_id": run_id})
        self._live.starting.discard(run_id)
        self._spawn(self._announce_set_aside(run_id))

    async def _announce_set_aside(self, run_id: str) -> None:
        accepted = await self._ledger.transact(
            self._intake.announce_set_aside, run_id, self._ledger.now_ms()
        )
        self._act(accepted)

    def _run_ended(self, run_id: str) -> None:
        self._dispatcher.room_made()
        if isinstance(self._database, PostgresDatabase):
            if not self._ended:
                asyncio.get_running_loop().call_later(TELL_ENDED_S, self._tell_ended)
            self._ended.append(run_id)

    def _tell_ended(self) -> None:
        ended, self._ended = self._ended, []
        if self._exit is not None:
            notice = Notice(self.executor_id, ended=tuple(ended))
            self._spawn(self._ledger.transact(publish, notice))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except Exception:  # the rim of what nobody awaits
                log.exception("background_work_failed")

        if self._is_closed:
            work.close()  # a step that ignored its interruption has come back after the end
        else:
            self._tasks.create_task(guarded())

    async def _drain(self) -> None:
        self._dispatcher.stop()
        if self._dispatching is not None:
            await asyncio.wait({self._dispatching})
        self._live.draining = True
        await self._wait_started()
        running = self._live.all()
        for live in running:
            live.draining = True
            if live.suspended:
                live.stop("handed over")
        await _wait_ended(running, self._grace_s)
        rest = [live for live in running if not live.ended.is_set()]
        for live in rest:
            live.stop("handed over")
        await _wait_ended(rest, STOP_S)
        for live in running:  # those that have ended are left alone
            await self._ledger.call(partial(private.hand_over, live.run_id, queue_of(live.job_id)))
        self._is_closed = True

    async def _wait_started(self) -> None:
        """Let what has just been dispatched become live, so that it can be handed over."""
        give_up_at = self._clock.monotonic() + STOP_S
        while self._live.starting and self._clock.monotonic() < give_up_at:  # noqa: ASYNC110 - short, and only at the end
            await asyncio.sleep(STARTING_S)


async def _wait_ended(runs: Iterable[LiveRun], timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            for live in runs:
                await live.ended.wait()
    except TimeoutError:
        return


def _models(jobs: Mapping[str, Job[Any, Any]]) -> dict[str, list[type[EventData]]]:
    models: dict[str, list[type[EventData]]] = {}
    for job in jobs.values():
        for rule in job.triggers:
            if rule.model is not None:
                models.setdefault(rule.pattern, []).append(rule.model)
    return models
