"""The core of a step: run once, remembered by its id, tried again when it fails."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar, overload

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from core.errors import Refused
from core.ids import RunId
from core.invalid import problem_text
from engine.current import StepInfo, current_step, enter_step, leave_step
from engine.errors import NonRetriable, RetryAfter, RunLost, StepFailed
from engine.live import LiveRun
from engine.middleware import Hooks, StepCall, StepKind, through
from engine.results import as_stored, read_back, reads_its_aliases, result_adapter
from engine.retry import RetryPolicy
from engine.steps.blocking import called
from engine.steps.journal import EndedStep, FailedAttempt, History, Journal
from engine.steps.naming import Names, current_branch
from engine.steps.outside import Outside
from engine.steps.process_ends import failure_of
from engine.steps.shown import shown_call
from engine.steps.sleep import LONGEST_SLEEP_S
from engine.steps.slots import RunPlaces
from engine.steps.time import Time
from engine.storage import codec

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

MAX_STEPS = 1000
MAX_OUTPUT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunState:
    """What the steps of one run work with."""

    live: LiveRun
    retry: RetryPolicy
    hooks: Hooks
    journal: Journal
    time: Time
    gate: RunPlaces
    names: Names
    outside: Outside


class DurableSteps:
    """`step.run` and what every other kind of step is built from."""

    def __init__(self, run: RunState, history: History) -> None:
        self.outside = run.outside
        self._live = run.live
        self._run_id = RunId(run.live.run_id)
        self._history = history
        self._retry = run.retry
        self._journal = run.journal
        self._time = run.time
        self._gate = run.gate
        self._hooks = run.hooks.step
        self._names = run.names
        self._replayed = 0
        self._stored_bytes = 0

    @property
    def replaying(self) -> bool:
        """Whether recorded steps lie ahead: what the body does now it has done before."""
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

        def perform(step: StepCall) -> Awaitable[Any]:
            return self.outside.perform(step, call, adapter)

        async def attempts() -> codec.Recorded:
            given = shown_call(args, kwargs)
            try:
                first = self._call(name, "run", args, kwargs)
                return codec.Recorded(await self._attempts(first, perform, adapter), given)
            except StepFailed as failed:
                failed.input = given
                raise

        try:
            return read_back(adapter, await self._durable(name, attempts, acts=False))
        except ValidationError as error:
            raise StepFailed(
                name,
                "StoredResultChanged",
                f"the recorded result no longer fits: {problem_text(error, whole='result')}",
                code="stored_result_changed",
            ) from error

    def _name(self, step_id: str) -> str:
        branch = current_branch()
        if current_step() is not None:
            name = branch + step_id
            raise NonRetriable(f"step {name!r} was called inside a step; steps do not nest")
        return self._names.next(step_id, branch)

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
        self,
        name: str,
        body: Callable[[], Awaitable[Any]],
        *,
        kind: str = "run",
        acts: bool = True,
    ) -> Any:
        """Run `body` as the step of this name, or return what it has recorded.

        What `acts` must not be done by a process that has lost the run; a body that does nothing
        outside, or finds out itself, is only kept from being recorded there. The record says of
        what `kind` the step is.
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

        if not is_new:
            results = self._history.results
            known = results.pop(name, None) or await self._journal.recall(name, number)
            if known is not None:
                return _output(known.value())
        elif acts:
            await self._journal.make_sure()
            self.check_running()
        return await self._record(name, number, kind, body)

    async def _record(
        self, name: str, number: int, kind: str, body: Callable[[], Awaitable[Any]]
    ) -> Any:
        """Run `body` as a step that is not recorded yet."""
        task, started_at = asyncio.current_task(), self._journal.stamp()
        result, failure = None, None
        try:
            result = await body()
        except StepFailed as error:
            failure = error
        except BaseException as error:  # noqa: BLE001 - cancels are raised again
            # A replay gives the recorded error: it must be of a class that is recorded whole.
            failure = step_failed(name, failure_of(error, task), 1)
            failure.__cause__ = error
        if failure is not None:
            failure.kind = kind
        elif kind != "run":
            result = codec.Recorded(result, kind=kind)
        await self._journal.record(EndedStep(name, number, result, failure, started_at))
        if failure is not None:
            raise failure
        return _output(result)

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
            started_at: int | None = None
            try:
                async with self._gate.step():
                    await self._journal.make_sure()
                    self.check_running()
                    this = replace(call, attempt=failed) if failed else call
                    started_at = self._journal.stamp()
                    with self._journal.working(name, failed, started_at):
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
            await self.back_off(name, failed, failure, started_at)

    async def _attempt(
        self, call: StepCall, fn: Callable[[StepCall], Awaitable[R]], adapter: TypeAdapter[R]
    ) -> Any:
        token = enter_step(StepInfo(self._run_id, call.step_id, call.attempt))
        try:
            with self._time.busy():
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

    async def back_off(
        self, step_id: str, failed: int, failure: Exception, started_at: int | None = None
    ) -> None:
        """Record a failed attempt durably, then wait for the next one's time."""
        if isinstance(failure, RetryAfter):
            delay_s = failure.delay_s(self._time.now())
        else:
            delay_s = self._retry.backoff_s(failed)
        next_at = self._time.now_ms() + int(delay_s * 1000)
        await self._journal.count(
            FailedAttempt(self._run_id, step_id, failed - 1, failure, next_at, started_at)
        )
        await self.pause_until(next_at, delay_s)

    async def pause_until(self, at_ms: int, at_most_s: float | None = None) -> None:
        """Sleep until a time of the clock, but no longer than `at_most_s` however it is set.

        Without a bound it is as long as there is to wait now.
        """
        bound_s = (at_ms - self._time.now_ms()) / 1000 if at_most_s is None else at_most_s
        give_up_at = self._time.monotonic() + bound_s
        while True:
            left_s = (at_ms - self._time.now_ms()) / 1000
            left_s = min(left_s, give_up_at - self._time.monotonic())
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
            await self._time.sleep(seconds)


def _output(stored: Any) -> Any:
    """What a step has returned, out of its record; old code has recorded no more than that."""
    return stored.output if isinstance(stored, codec.Recorded) else stored


def is_interrupted() -> bool:
    """Whether somebody cancelled the current task, as opposed to a CancelledError from below."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def step_failed(name: str, failure: Exception, attempts: int) -> StepFailed:
    """The failure of a step as its job sees it."""
    stored = isinstance(failure, codec.StoredError)
    failed = StepFailed(
        name,
        failure.name if stored else type(failure).__name__,
        failure.message if stored else codec.text_of(failure),
        attempts=attempts,
        code=codec.code_of(failure),
        cause=codec.cause_of(failure),
    )
    failed.stack = codec.stack_of(failure)
    return failed
