"""The engine: start it, send events, look at runs, cancel them."""

import asyncio
import logging
import math
import os
import socket
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock, SystemClock
from engine.control.act import Acting
from engine.control.end_hooks import EndHooks
from engine.control.maintain import Maintenance
from engine.control.publish import Publishing
from engine.control.send import Sending, models_of
from engine.control.shutdown import Shutdown
from engine.control.watch import Watching
from engine.dbos import claiming, private
from engine.dbos.host import Host
from engine.duration import Duration, seconds_of
from engine.errors import DatabaseAway, DatabaseFull
from engine.events import new_event_id
from engine.intake.ends import Ends
from engine.intake.enqueue import queue_of
from engine.intake.intake import Intake
from engine.intake.pauses import paused_jobs
from engine.job import Job, jobs_by_id
from engine.live import LiveRuns
from engine.middleware import Hooks, Middleware
from engine.realtime import publisher as realtime
from engine.realtime.hub import Hub
from engine.realtime.tokens import Tokens, signing_secret
from engine.steps.context import Provided
from engine.steps.dbos_journal import TRUSTED_S
from engine.steps.history import read_histories
from engine.steps.sleep import watch
from engine.steps.slots import Slots, disown
from engine.storage import tables
from engine.storage.database import Database, PostgresDatabase, SqliteDatabase, closer, database_at
from engine.storage.encryption import Encryption, encrypt
from engine.storage.eventlog import DEDUPLICATION_MS
from engine.storage.notices import Listener, Notice, listen, listener_for, publish
from engine.storage.outage import Outage, is_away
from engine.storage.transactions import Ledger
from engine.workers.dispatcher import Dispatcher
from engine.workers.fleet import Fleet
from engine.workers.keys import take_up
from engine.workers.outside import RunOutside
from engine.workers.pacing import Pacing
from engine.workers.runner import Parts, Runner
from engine.workers.timekeeper import Timekeeper

log = logging.getLogger("engine")

MAX_RUNNING = 200  # executing at once; runs that sleep or wait do not count
GRACE_S = 10.0
LEASE_S = 10.0
TELL_ENDED_S = 0.005  # ends of runs are told to other processes together


class Engine(Sending, Watching, Acting, Publishing, Maintenance, Shutdown):
    """Durable jobs on SQLite or PostgreSQL. Use it as an async context manager.

    Args:
        jobs: what may run; two with one id are refused.
        database: where events and runs are kept; also as an address, "sqlite:///engine.db".
        provide: objects that jobs get with `ctx.need(Type)`.
        middleware: what is around every send, run and step; the first is the outermost.
        encryption: keys for what is stored: data of events, results, errors. What expressions of
            `match` and `key` pick out of an event is kept in clear, to be looked up by.
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
        database: Database | Path | str,
        provide: Sequence[object] = (),
        middleware: Sequence[Middleware] = (),
        encryption: Encryption | None = None,
        executor_id: str | None = None,
        name: str = "engine",
        works: bool = True,
        max_running: int = MAX_RUNNING,
        grace_s: float = GRACE_S,
        lease_s: float = LEASE_S,
        retention: Duration = "7d",
        clock: Clock | None = None,
    ) -> None:
        self._jobs = jobs_by_id(jobs)
        self._models = models_of(self._jobs)
        self._database = database = database_at(database)
        self._encryption = encryption
        self._provided = Provided(list(provide))
        self._middleware = tuple(middleware)
        self._hooks = Hooks.of(self._middleware)
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
        self._spawned: set[asyncio.Task[None]] = set()
        self._dispatching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start.

        Raises:
            DatabaseAway: it cannot be reached, or lets nobody in.
            DatabaseInUse: another process holds the SQLite file.
            DatabaseTooNew: newer code has written to the database.
            KeyMissing: data is stored under an encryption key that was not given.
            KeyUnknownElsewhere: living workers could not read what this process would write.
        """
        self._is_closed = False
        async with AsyncExitStack() as stack:
            try:
                await self._start(stack)
            except SQLAlchemyError as error:
                if is_away(error):
                    raise DatabaseAway(str(getattr(error, "orig", error))) from error
                raise
            self._exit = stack.pop_all()
        return self

    async def _start(self, stack: AsyncExitStack) -> None:
        stack.enter_context(self._database.held())
        pool = self._database.connect()
        stack.callback(closer(pool))
        await asyncio.to_thread(tables.create, pool)
        outage = self._outage = Outage()
        ledger = self._ledger = Ledger(private.with_schema(pool), self._clock, outage)
        for_runs = ledger.patient()
        stack.callback(ledger.close)
        self._reader = ledger.reader()
        stack.callback(self._reader.close)
        if self._encryption is not None:
            encrypt(pool, self._encryption)
        host = Host(
            self._database,
            pool,
            app=self._name,
            executor_id=self.executor_id,
            encryption=self._encryption,
            outage=outage,
        )
        self._intake = Intake(self._jobs, host, self.executor_id)
        self._slots = Slots(for_runs, self.executor_id)
        self._histories = {}
        self._live = LiveRuns(on_sleep=self._room_made, on_end=self._run_ended)
        self._hub = Hub()
        listeners = [listener_for(self.executor_id, self._hear), *self._open_channels()]
        self._outside = RunOutside(
            self._intake,
            for_runs,
            send=partial(self._send_through, ledger=for_runs),
            result=self.result,
            spawn=self._spawn,
            publisher=self._publisher,
        )
        ends = Ends(self.executor_id, ledger=for_runs, slots=self._slots, spawn=self._spawn)
        self._end_hooks = EndHooks(
            self._jobs, self._middleware, ledger=for_runs, live=self._live, spawn=self._spawn
        )
        parts = Parts(
            ledger=for_runs,
            intake=self._intake,
            slots=self._slots,
            live=self._live,
            histories=self._histories,
            provided=self._provided,
            act=self._act,
            outside=self._outside,
            ends=ends,
            pacing=Pacing(for_runs, act=self._act, spawn=self._spawn),
            trusted_s=math.inf if isinstance(self._database, SqliteDatabase) else TRUSTED_S,
            watch_end=self._end_hooks.watch,
            middleware=self._middleware,
        )
        self._sleepers = parts.sleepers
        runner = Runner(self._jobs, parts)
        self._dispatcher = Dispatcher(
            {queue_of(job.id): job.flow.has_turns for job in self._jobs.values()},
            ledger=ledger,
            live=self._live,
            room=self._room,
            prepare=self._prepare,
            worn_out=self._set_aside,
            not_started=self._not_started,
            read_paused=_paused_queues,
        )
        await host.start(runner.execute, ends)
        stack.push_async_callback(host.stop)
        await ledger.transact(take_up, self._encryption, self.executor_id, works=self._works)
        self._tokens = Tokens(await ledger.transact(signing_secret), self._clock)
        await ledger.transact(disown, [self.executor_id])
        self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
        if isinstance(self._database, PostgresDatabase):
            await self._join_fleet(self._database, listeners, stack)
        stack.callback(self._hub.close)
        stack.push_async_callback(self._drain)
        if self._works:
            self._dispatching = self._tasks.create_task(self._dispatcher.work())
            self._dispatcher.kick_at(0)
            self._keep_time(stack)

    async def __aexit__(self, *_: object) -> None:
        """Stop: running steps get the grace time, then everything unfinished is handed over."""
        stack, self._exit = self._exit, None
        if stack is not None:
            await stack.aclose()

    def _keep_time(self, stack: AsyncExitStack) -> None:
        timekeeper = Timekeeper(self._jobs, ledger=self._ledger, intake=self._intake, act=self._act)
        if timekeeper.is_needed:
            task = self._tasks.create_task(timekeeper.work())
            stack.callback(task.cancel)
        watching = self._tasks.create_task(watch(self._clock, self._clock_stepped))
        stack.callback(watching.cancel)
        keeping = self._tasks.create_task(self._keep())
        stack.callback(keeping.cancel)

    def _clock_stepped(self) -> None:
        self._sleepers.end_all()
        self._outside.waits.wake_all()
        self._dispatcher.kick_at(0)

    def _open_channels(self) -> list[Listener]:
        """Make what publishes realtime messages, and say who hears those of other processes."""
        if isinstance(self._database, SqliteDatabase):
            self._publisher = realtime.LocalPublisher(self._hub, self._ledger)
            return []
        publisher = realtime.PostgresPublisher(self._hub, self._ledger, self.executor_id)
        self._publisher = publisher
        return [Listener(realtime.CHANNEL, publisher.hear, publisher.connected, publisher.lost)]

    async def _join_fleet(
        self, database: PostgresDatabase, listeners: list[Listener], stack: AsyncExitStack
    ) -> None:
        listener = self._tasks.create_task(listen(database.libpq, listeners))
        stack.callback(listener.cancel)
        if not self._works:
            return
        fleet = Fleet(
            self.executor_id,
            ledger=self._ledger,
            live=self._live,
            lease_s=self._lease_s,
            kick=self._dispatcher.kick,
            wake=self._outside.waits.wake,
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
            self._live.stopped_elsewhere(run_id)
        self._slots.wake(notice.places)
        self._outside.waits.wake(notice.woken)
        self._dispatcher.kick(map(queue_of, self._jobs) if notice.everything else notice.queues)
        if notice.everything or notice.pauses_changed:
            self._dispatcher.pauses_changed()

    def _room(self) -> int:
        return self._max_running - self._live.executing()

    async def _prepare(self, claimed: Sequence[claiming.Claimed]) -> None:
        """Read what earlier executions have left, of all at once."""
        self._live.first_time.update(run.run_id for run in claimed if run.is_first)
        again = [run.run_id for run in claimed if not run.is_first]
        if not again:
            return
        try:
            self._histories.update(
                await self._ledger.transact(read_histories, again, self._ledger.now_ms())
            )
        except (SQLAlchemyError, DatabaseAway, DatabaseFull):  # each reads its own
            log.exception("histories_not_read")

    def _set_aside(self, run: claiming.Claimed) -> None:
        log.error("run_set_aside", extra={"run_id": run.run_id})
        self._not_started(run.run_id)
        self._spawn(self._end_worn_out(run.run_id, run.owner))

    def _not_started(self, run_id: str) -> None:
        self._live.not_started(run_id)
        self._histories.pop(run_id, None)

    async def _end_worn_out(self, run_id: str, owner: str) -> None:
        now_ms = self._ledger.now_ms()
        self._act(await self._ledger.transact(self._intake.set_aside, run_id, owner, now_ms))
        self._end_hooks.set_aside(run_id)

    def _room_made(self) -> None:
        self._dispatcher.room_made()

    def _run_ended(self, run_id: str) -> None:
        self._room_made()
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
            except Exception as error:  # the rim of what nobody awaits
                if not self._ledger.passes(error):
                    log.exception("background_work_failed")

        if self._is_closed:
            work.close()  # a step that ignored its interruption has come back after the end
            return
        task = self._tasks.create_task(guarded())
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)


def _paused_queues(connection: sa.Connection) -> set[str]:
    return {queue_of(job_id) for job_id in paused_jobs(connection)}
