"""The engine: start it, send events, look at runs, cancel them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar, overload

from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock, SystemClock
from core.ids import RunId
from engine.control.compose import ForCallers, Settings, name_of_process
from engine.control.start import start
from engine.duration import Duration, seconds_of
from engine.errors import DatabaseAway, EngineNotRunning
from engine.events import SentEvent
from engine.expressions import expression_errors
from engine.inspection import Inspection
from engine.inspection.run_info import RunInfo, StepRecord
from engine.job import Job, jobs_by_id
from engine.middleware import Middleware
from engine.outgoing import Sendable
from engine.realtime.channels import AnyTopic, Channel, Topic
from engine.realtime.hub import Messages
from engine.realtime.messages import Saying
from engine.status import RunStatus
from engine.steps.context import Provided
from engine.storage.database import Database, database_at
from engine.storage.encryption import Encryption
from engine.storage.eventlog import DEDUPLICATION_MS
from engine.storage.outage import is_away

T = TypeVar("T")

MAX_RUNNING = 200  # executing at once; runs that sleep or wait do not count
GRACE_S = 10.0
LEASE_S = 10.0
TOKEN_TTL = "1m"  # noqa: S105 - a duration


class Engine:
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
        database = database_at(database)
        self.executor_id = name_of_process(database) if executor_id is None else executor_id
        self._settings = Settings(
            jobs=jobs_by_id(jobs),
            database=database,
            provided=Provided(list(provide)),
            middleware=tuple(middleware),
            encryption=encryption,
            executor_id=self.executor_id,
            name=name,
            works=works,
            max_running=max_running,
            grace_s=grace_s,
            lease_s=lease_s,
            retention_s=max(seconds_of(retention), DEDUPLICATION_MS / 1000),
            clock=clock or SystemClock(),
        )
        self._parts: ForCallers | None = None
        self._exit: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        """Start.

        Raises:
            DatabaseAway: it cannot be reached, or lets nobody in.
            DatabaseInUse: another process holds the SQLite file.
            DatabaseTooNew: newer code has written to the database.
            KeyMissing: data is stored under an encryption key that was not given.
            KeyUnknownElsewhere: living workers could not read what this process would write.
        """
        async with AsyncExitStack() as stack:
            try:
                self._parts = await start(self._settings, stack)
            except SQLAlchemyError as error:
                if is_away(error):
                    raise DatabaseAway(str(getattr(error, "orig", error))) from error
                raise
            self._exit = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop: running steps get the grace time, then everything unfinished is handed over."""
        stack, self._exit = self._exit, None
        if stack is not None:
            self._running.lifetime.is_ending = True
            await stack.aclose()

    @property
    def _running(self) -> ForCallers:
        """The parts. Raises: EngineNotRunning."""
        if self._parts is None:
            raise EngineNotRunning
        self._parts.lifetime.check()
        return self._parts

    async def send(
        self,
        event: Sendable,
        *,
        event_id: str | None = None,
        user: Mapping[str, Any] | None = None,
    ) -> SentEvent:
        """Send one event: stored, and its runs enqueued, before this returns.

        It is a model, an `Event`, or an object as in Inngest: {"name": …, "data": {…}}.

        An `event_id` seen in the last 24 hours starts nothing and gets the first send's answer.

        Raises:
            BadEvent: the data does not fit the event's model, is no JSON, or is too large.
        """
        return (await self._running.sender.send(event, event_id, user))[0]

    async def send_many(self, events: Iterable[Sendable]) -> list[SentEvent]:
        """Send events in one transaction: all are stored, or none.

        Raises:
            BadEvent: one of them was refused.
        """
        return await self._running.sender.send_many(events)

    async def send_signal(self, signal: str, data: Any = None) -> bool:
        """Wake the run that waits for this signal; False when none does. `data` is JSON.

        Raises:
            BadEvent: it is not, or the signal has no name.
        """
        return await self._running.sender.signal(signal, data)

    async def trigger_many(
        self, job: Job[Any, Any] | str, batch: Iterable[Sendable]
    ) -> list[SentEvent]:
        """Start one run of this job for each of these data, all or none, whatever its triggers.

        Other jobs do not hear of it. Flow control applies; the `id` and `ts` of an `Event` mean
        what they mean for `send`, and its name nothing.

        Raises:
            NoSuchJob: the engine has no such job.
            BadEvent: one of the data does not fit the job's model, or is too large.
        """
        return await self._running.sender.trigger_many(_id_of(job), batch)

    async def run(self, run_id: str) -> RunInfo:
        """What is known of a run.

        Raises:
            NoSuchRun: there is no such run.
        """
        return await self._running.watcher.run(run_id)

    @property
    def inspect(self) -> Inspection:
        """Filtered, paged views of runs, events, waits, queues, and metrics."""
        return self._running.inspection

    def live_runs(self) -> list[str]:
        """The ids of the runs that execute, sleep or wait in this process."""
        return [] if self._parts is None else [run.run_id for run in self._parts.live.all()]

    def expression_errors(self) -> dict[str, int]:
        """How often each CEL expression has raised in this process, by its text.

        Whatever one raises is no match. The first time of each kind is logged, a field that is not
        there at level INFO.
        """
        return expression_errors()

    async def is_waiting(self, run_id: str) -> bool:
        """Whether a run waits for an event or a signal, so that one sent now reaches it."""
        return await self._running.watcher.is_waiting(run_id)

    async def runs(
        self, *, job_id: str | None = None, status: RunStatus | None = None, limit: int = 50
    ) -> list[RunInfo]:
        """The newest runs, newest first."""
        return await self._running.watcher.runs(job_id=job_id, status=status, limit=limit)

    async def steps(self, run_id: str) -> list[StepRecord]:
        """The recorded steps of a run, in the order they were first asked for."""
        return await self._running.watcher.steps(run_id)

    async def wait(self, run_id: str, timeout_s: float | None) -> RunInfo:
        """Wait until a run has ended, also while the database is away.

        Raises:
            TimeoutError: it has not ended within `timeout_s`.
            NoSuchRun: there is no such run.
        """
        return await self._running.watcher.wait(run_id, timeout_s)

    async def result(self, run_id: str, timeout_s: float | None) -> Any:
        """Wait for a run and return its result, as JSON.

        Raises:
            RunFailed: it failed.
            RunCancelled: it was cancelled.
            TimeoutError: it has not ended within `timeout_s`.
        """
        return await self._running.watcher.result(run_id, timeout_s)

    async def cancel(self, run_id: str) -> bool:
        """Cancel a run, and those it invoked. False if it had ended, or an event has told its end.

        When this returns its step has been interrupted, a body that had not begun never will, and
        nothing is stored for it any more. Of a run in another process that is known within
        milliseconds; one that does not answer within a second is not waited for.

        Raises:
            NoSuchRun: there is no such run.
        """
        return await self._running.cancels.cancel(run_id)

    async def cancel_many(
        self,
        job: Job[Any, Any] | str,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        when: str | None = None,
    ) -> list[RunId]:
        """Cancel the runs of a job that have not ended, and those they invoked; returns them all.

        Only runs made from `after` on, before `before` (by default: until now), and for whose
        event `when` (CEL over `event`) holds. It is done in pages: when the process dies half
        way, the older half has been cancelled.

        Raises:
            BadExpression: `when` is not CEL, or names what is not there.
        """
        cancels = self._running.cancels
        return await cancels.cancel_many(_id_of(job), after=after, before=before, when=when)

    async def pause(self, job: Job[Any, Any] | str) -> bool:
        """Let no run of a job start any more, in any process; False if it was paused already.

        Its events are still accepted and its runs wait, over restarts, until `resume`. Runs that
        have started go on, but handlers of their failures wait, too. When this returns no run
        starts here; other processes hear of it by NOTIFY at once, and find it by a poll within
        1 s. `timeouts.start` goes on counting.
        """
        return await self._running.pauses.pause(_id_of(job))

    async def resume(self, job: Job[Any, Any] | str) -> bool:
        """Undo `pause`: what has waited starts, oldest first. False if the job was not paused."""
        return await self._running.pauses.resume(_id_of(job))

    async def paused(self) -> dict[str, datetime]:
        """The ids of the paused jobs, and since when."""
        return await self._running.pauses.paused()

    async def replay(self, run_id: str, *, once: bool = False) -> RunId:
        """Repeat a failed or cancelled run from where it failed; returns the new run's id.

        The new run takes over every step that the old one had recorded, except the step that
        failed it and those that started after that had failed (a rollback, say). Where the body
        itself raised, and not because its last step failed, only the body runs again.
        The old run stays as it is. Flow control of starts does not apply; concurrency does.
        With `once`, however often it is called so, the run is repeated one time.

        Raises:
            NoSuchRun: there is no such run, or its event has been swept.
            CannotReplay: it has completed, or not ended.
        """
        return await self._running.repeats.replay(run_id, once=once)

    async def rerun(
        self,
        run_id: str,
        *,
        from_step_id: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> RunId:
        """Repeat a run that has ended, however; returns the new run's id.

        With `from_step_id` the new run takes over what was recorded when that step started, and
        runs it and what comes after it again; without, it takes over nothing. With `data` it gets
        an event of its own, with that instead; no other job and no wait hears of it.

        Raises:
            NoSuchRun: there is no such run, or its event has been swept.
            CannotReplay: it has not ended, or has several events and `data` is given.
            NoSuchStep: it has recorded no such step.
            BadEvent: `data` does not fit the job, or is no JSON.
        """
        return await self._running.repeats.rerun(run_id, from_step_id, data)

    @overload
    async def publish(self, channel: Channel | str, topic: Topic[T], data: T) -> None: ...
    @overload
    async def publish(self, channel: Channel | str, topic: str, data: object) -> None: ...
    async def publish(self, channel: Channel | str, topic: AnyTopic, data: object) -> None:
        """Send a message to whoever listens now, in any process. Jobs use `ctx.publish`.

        A channel or topic that is given by its name takes any JSON.

        Raises:
            BadChannel: the channel has no such topic, or a name cannot be.
            BadMessage: the data does not fit the topic, is not JSON, or is over 512 KiB.
        """
        await self._running.channels.publish(channel, topic, data)

    async def publish_all(self, sayings: Sequence[Saying]) -> None:
        """Send several messages, in their order; on PostgreSQL in one transaction.

        Raises:
            BadChannel, BadMessage: as for `publish`, for one of them; then none is sent.
        """
        await self._running.channels.publish_all(sayings)

    @overload
    def subscribe(
        self, channel: Channel | str, topics: Sequence[Topic[T]]
    ) -> AbstractAsyncContextManager[Messages[T]]: ...
    @overload
    def subscribe(
        self, channel: Channel | str, topics: Sequence[AnyTopic] | None = None
    ) -> AbstractAsyncContextManager[Messages[Any]]: ...
    def subscribe(
        self, channel: Channel | str, topics: Sequence[AnyTopic] | None = None
    ) -> AbstractAsyncContextManager[Messages[Any]]:
        """Get what is sent to a channel while the block runs, at most once each.

        Without `topics`, all of the channel's. Messages of one sender come in the order sent. What
        is sent while the connection to PostgreSQL is lost does not come.

        Raises:
            BadChannel: the channel has no such topic, or a name cannot be.
            NotListening: PostgreSQL does not answer.
            TooManySubscriptions: this process has 10,000.
        """
        return self._running.channels.subscribe(channel, topics)

    def subscription_token(
        self,
        channel: Channel | str,
        topics: Sequence[AnyTopic] | None = None,
        *,
        ttl: Duration = TOKEN_TTL,
    ) -> str:
        """A signed token with which somebody may subscribe, until `ttl` has passed.

        It holds in every process on this database. A subscription that has begun goes on.

        Raises:
            BadChannel: as for `subscribe`.
        """
        return self._running.channels.token(channel, topics, seconds_of(ttl))

    def subscribe_with(self, token: str) -> AbstractAsyncContextManager[Messages[Any]]:
        """Subscribe to what the token is for; data comes as JSON.

        Raises:
            BadToken: it has expired, or was not made with this database.
            NotListening, TooManySubscriptions: as for `subscribe`.
        """
        return self._running.channels.subscribe_with(token)

    async def sweep(self) -> None:
        """Delete what is older than the retention now, and what ended runs have left behind.

        It happens by itself every few minutes.
        """
        await self._running.maintenance.sweep()

    async def forget(self, user_id: str) -> int:
        """Cancel a user's runs, and delete whatever is stored of them and of the user's events.

        A user is the `id` in an event's `user`, and theirs is what these events have started or
        invoked. How many runs and events there were. What a user sends afterwards is stored again;
        an event id of theirs from before is not known any more.

        Raises:
            TimeoutError: some of the runs have not stopped within a minute. Nothing is deleted.
        """
        return await self._running.forgetting.forget(user_id)

    async def reencrypt(self) -> int:
        """Seal everything that is stored under the first key; how many texts were not.

        It happens by itself after a start with several keys, or with the first one ever. Once it
        has, and every process has that key in the first place, the other keys can go: an engine
        that starts without a key that is still needed says so, and does not start.
        """
        return await self._running.maintenance.reencrypt()


def _id_of(job: Job[Any, Any] | str) -> str:
    return job if isinstance(job, str) else job.id
