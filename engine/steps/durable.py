"""The core of a step: run once, remembered by its id, tried again when it fails."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from core.errors import Refused
from core.ids import RunId
from core.invalid import problem_text
from engine.current import StepInfo, current_step, enter_step, leave_step
from engine.dbos import private, recorded
from engine.errors import NonRetriable, RetryAfter, RunLost, StepFailed
from engine.live import LiveRun
from engine.middleware import Hooks, StepCall, StepKind, through
from engine.results import as_stored, read_back, reads_its_aliases, result_adapter
from engine.retry import RetryPolicy
from engine.steps.blocking import called
from engine.steps.history import FailedAttempt, History, record_own_attempt
from engine.steps.naming import StepNames
from engine.steps.process_ends import failure_of
from engine.steps.shown import shown_call
from engine.steps.sleep import Sleepers
from engine.steps.slots import Gate
from engine.storage import codec
from engine.storage.transactions import Ledger

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

MAX_STEPS = 1000
MAX_OUTPUT_BYTES = 4 * 1024 * 1024
TRUSTED_S = 0.1  # what a cancel or another process's taking over is told within, as a rule
LONGEST_SLEEP_S = 86_400.0  # the loop's timers do not take a year


@dataclass(frozen=True)
class RunState:
    """What the steps of one run work with."""

    live: LiveRun
    retry: RetryPolicy
    ledger: Ledger
    gate: Gate
    hooks: Hooks
    trusted_s: float
    """How long the run is taken to be ours after the database has said so."""
    sleepers: Sleepers = field(default_factory=Sleepers)


class Recalled(Protocol):
    """The outcome of a step that has ended before."""

    def value(self) -> Any:
        """What it returned; raises what it raised."""
        ...


class DurableSteps:
    """`step.run` and what every other kind of step is built from."""

    def __init__(self, run: RunState, history: History) -> None:
        self._live = run.live
        self._run_id = RunId(run.live.run_id)
        self._history = history
        self._retry = run.retry
        self._ledger = run.ledger
        self._gate = run.gate
        self._hooks = run.hooks.step
        self._trusted_s = run.trusted_s
        self._names = StepNames(run.live.task)
        self._sleepers = run.sleepers
        self._replayed = 0
        self._stored_bytes = 0

    @property
    def replaying(self) -> bool:
        """Whether recorded steps lie ahead, so that the body is going over old ground."""
        return self._replayed < len(self._history.recorded)

    def rewind(self) -> None:
        """The body starts over: ids count from the beginning again."""
        self._names.clear()
        self._replayed = 0

    @overload
    async def run(
        self, step_id: str, fn: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R: ...
    @overload
    async def run(
        self, step_id: str, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R: ...
    async def run(self, step_id: str, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function once and remember its result under `step_id`.

        A plain function runs in a thread of its own, which a cancel waits for; a lambda is called
        on the loop.

        The result is JSON, a model or a dataclass, and comes back as the type that `fn`'s return
        annotation says, in the first execution as in a replay. Used again (a loop), the same id
        becomes "id:1", "id:2". A function that was interrupted by a crash runs again, so it must
        be safe twice: `current_step().idempotency_key` stays the same.

        What the function is called with is kept, cut, for people who look at the run: pass secrets
        as `SecretStr`, or leave them in the function.

        Raises:
            StepFailed: the last attempt failed, or it raised NonRetriable or a Refused.
        """
        adapter = result_adapter(fn)
        name = self._name(step_id)

        async def call(step: StepCall) -> Any:
            return await called(fn, *step.args, **step.kwargs)

        async def attempts() -> codec.Recorded:
            given = shown_call(args, kwargs)
            try:
                first = self._call(name, "run", args, kwargs)
                return codec.Recorded(await self._attempts(first, call, adapter), given)
            except StepFailed as failed:
                failed.input = given
                raise

        stored = await self._durable(name, attempts, acts=False)
        try:
            output = stored.output if isinstance(stored, codec.Recorded) else stored
            return read_back(adapter, output)
        except ValidationError as error:
            raise StepFailed(
                name,
                "StoredResultChanged",
                f"the recorded result no longer fits: {problem_text(error, whole='result')}",
                code="stored_result_changed",
            ) from error

    def _name(self, step_id: str) -> str:
        if current_step() is not None:
            raise NonRetriable(f"step {step_id!r} was called inside a step; steps do not nest")
        return self._names.next(step_id)

    def _call(
        self,
        name: str,
        kind: StepKind,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> StepCall:
        attempts = self._retry.max_attempts if kind == "run" else 1
        return StepCall(
            self._run_id, self._live.job_id, name, kind, 0, attempts, args, kwargs or {}
        )

    def _hooked(self, call: StepCall, body: Callable[[StepCall], Awaitable[T]]) -> Awaitable[T]:
        """What a step that executes does, inside the middleware."""
        return through(self._hooks, call, body)

    async def _durable(
        self, name: str, body: Callable[[], Awaitable[Any]], *, acts: bool = True
    ) -> Any:
        """Run `body` as the step of this name, or return what it has recorded.

        What `acts` must not be done by a process that has lost the run; a body that does nothing
        outside, or finds out itself, is only kept from being recorded there.
        """
        self.check_running()
        number = self._history.recorded.get(name)
        is_new = number is None
        if number is None:
            if self._history.last >= MAX_STEPS:
                raise NonRetriable(
                    f"step {name!r} is past the {MAX_STEPS} steps of a run; split the job "
                    "and start the rest with an event"
                )
            self._history.last += 1
            number = self._history.recorded[name] = self._history.last
        self._replayed += 1

        async def call() -> Any:
            task = asyncio.current_task()
            try:
                return await body()
            except StepFailed:
                raise
            except BaseException as error:
                # A replay gives the recorded error: it must be of a class that is recorded whole.
                raise step_failed(name, failure_of(error, task), 1) from error

        if not is_new:
            known = await self._recall(name, number)
            if known is not None:
                return known.value()
        elif acts:
            await self._make_sure()
        return await self._record(name, number, call)

    async def _make_sure(self) -> None:
        """Look whether the run is still ours, unless that is known from a moment ago.

        DBOS looks before every step, in a transaction that costs as much as recording it. Between
        two steps nothing is gained by that: the record of the first has just said so.
        """
        asked_at, proved_at = monotonic(), self._live.proved_at
        if proved_at is not None and asked_at - proved_at <= self._trusted_s:
            return
        await self._transact(recorded.check_owned, self._run_id, recorded.owner())
        self._live.proved_at = asked_at
        self.check_running()

    async def _recall(self, name: str, number: int) -> "Recalled | None":
        """What a step has recorded that has begun before; None where it was interrupted."""
        known = self._history.results.pop(name, None)
        if known is not None:
            return known
        return await self._transact(recorded.read_result, self._run_id, number, recorded.owner())

    async def _record(self, name: str, number: int, body: Callable[[], Awaitable[Any]]) -> Any:
        """Run `body` as a step that is not recorded yet."""
        started_at = private.now_ms()
        result, failure = None, None
        try:
            result = await body()
        except StepFailed as error:
            failure = error
        step = recorded.NewStep(
            self._run_id,
            recorded.owner(),
            name,
            number,
            result,
            failure,
            started_at,
            private.now_ms(),
        )
        self._live.proved_at = await self._transact(recorded.record, step)
        if failure is not None:
            raise failure
        return result

    async def _transact(
        self,
        work: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do what only the process that has the run may do."""
        try:
            return await self._ledger.transact(work, *args, **kwargs)
        except recorded.NotOurs as error:  # unwind as a cancellation, write nothing
            raise RunLost(self._run_id) from error

    def check_running(self) -> None:
        """Raise CancelledError once the run has been stopped: no step starts after that."""
        if self._live.must_not_go_on:
            raise asyncio.CancelledError(f"run {self._run_id} has been stopped")

    async def _attempts(
        self, call: StepCall, fn: Callable[[StepCall], Awaitable[R]], adapter: TypeAdapter[R]
    ) -> Any:
        name = call.step_id
        failed, next_at = self._history.failed.get(name, (0, None))
        task = asyncio.current_task()
        if next_at is not None:
            await self.pause_until(next_at)
        while True:
            try:
                async with self._gate.step():
                    await self._make_sure()
                    this = replace(call, attempt=failed) if failed else call
                    return await self._attempt(this, fn, adapter)
            except RunLost:
                raise
            except asyncio.CancelledError as error:
                if is_interrupted() or self._live.must_not_go_on:
                    raise
                failure: Exception = codec.StoredError("CancelledError", str(error))
            except BaseException as error:  # noqa: BLE001 - the rim: a step's error becomes a retry
                failure = failure_of(error, task)
            failed += 1
            if isinstance(failure, (NonRetriable, Refused)) or failed >= self._retry.max_attempts:
                raise step_failed(name, failure, failed) from failure
            await self.back_off(name, failed, failure)

    async def _attempt(
        self, call: StepCall, fn: Callable[[StepCall], Awaitable[R]], adapter: TypeAdapter[R]
    ) -> Any:
        token = enter_step(StepInfo(self._run_id, call.step_id, call.attempt))
        try:
            value = await self._hooked(call, fn)
        finally:
            leave_step(token)
        return self._storable(call.step_id, value, adapter)

    def _storable(self, name: str, value: R, adapter: TypeAdapter[R]) -> Any:
        try:
            stored = as_stored(adapter, value, by_alias=reads_its_aliases(adapter))
            size = len(codec.dumps(stored))
        except (PydanticSerializationError, NonRetriable, RecursionError) as error:
            raise NonRetriable(f"step {name!r} returned what cannot be stored: {error}") from error
        self._stored_bytes += size
        if self._stored_bytes > MAX_OUTPUT_BYTES:
            raise NonRetriable(
                f"step {name!r} brings the run's results to {self._stored_bytes} bytes; "
                f"{MAX_OUTPUT_BYTES} are allowed: store the data elsewhere and return a reference"
            )
        return stored

    async def back_off(self, step_id: str, failed: int, failure: Exception) -> None:
        """Record a failed attempt durably, then wait for the next one's time."""
        if isinstance(failure, RetryAfter):
            delay_s = failure.delay_s(self._ledger.now())
        else:
            delay_s = self._retry.backoff_s(failed)
        now_ms = self._ledger.now_ms()
        next_at = now_ms + int(delay_s * 1000)
        attempt = FailedAttempt(self._run_id, step_id, failed - 1, failure, next_at)
        await self._count(attempt, now_ms)
        await self.pause_until(next_at, delay_s)

    async def _count(self, failed: FailedAttempt, now_ms: int) -> None:
        if not await self._ledger.transact(record_own_attempt, failed, now_ms):
            raise RunLost(self._run_id)

    async def pause_until(self, at_ms: int, at_most_s: float | None = None) -> None:
        """Sleep until a time of the clock, but no longer than `at_most_s` however it is set.

        Without a bound it is as long as there is to wait now.
        """
        bound_s = (at_ms - self._ledger.now_ms()) / 1000 if at_most_s is None else at_most_s
        give_up_at = self._ledger.monotonic() + bound_s
        while True:
            left_s = (at_ms - self._ledger.now_ms()) / 1000
            left_s = min(left_s, give_up_at - self._ledger.monotonic())
            if left_s <= 0:
                return
            await self.pause(min(left_s, LONGEST_SLEEP_S))

    async def pause(self, seconds: float) -> None:
        """Sleep, less when the clock is set, without holding a place under a concurrency key."""
        if seconds <= 0:
            return
        self.check_running()
        await self._gate.pause()
        with self._live.asleep():
            await self._sleepers.sleep(seconds)


def is_interrupted() -> bool:
    """Whether somebody cancelled the current task, as opposed to a CancelledError from below."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def step_failed(name: str, failure: Exception, attempts: int) -> StepFailed:
    """The failure of a step as its job sees it."""
    stored = isinstance(failure, codec.StoredError)
    return StepFailed(
        name,
        failure.name if stored else type(failure).__name__,
        failure.message if stored else codec.text_of(failure),
        attempts=attempts,
        code=codec.code_of(failure),
        cause=codec.cause_of(failure),
    )
