"""`ctx.step`: everything a job body may await, remembered by its id."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter

from core.ids import RunId
from engine.duration import Duration, seconds_of
from engine.errors import InvokeTimeout, NonRetriable, RunCancelled, RunFailed, StepFailed
from engine.events import INVOKED, Event, EventData, SentEvent
from engine.middleware import StepCall
from engine.outgoing import Sendable
from engine.results import read_back
from engine.steps.branches import BranchingSteps
from engine.storage import codec
from engine.storage.eventlog import failure_run_id

R = TypeVar("R")


class Invocable(Protocol[R]):
    """A job, as far as invoking it goes."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def result(self) -> TypeAdapter[R]:
        """How its result is read back."""
        ...


class Steps(BranchingSteps):
    """The steps of one run: those of its base classes, `invoke` and `send_event`."""

    def busy(self) -> AbstractContextManager[None]:
        """Around a body that computes in a thread; see `Time.busy`."""
        return self._time.busy()

    async def invoke(
        self,
        step_id: str,
        job: Invocable[R],
        data: EventData | Mapping[str, Any] | None = None,
        *,
        timeout: Duration | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> R:
        """Run another job as a child and return its result. Cancelling this run cancels it too.

        The job itself, or `JobRef(id)`. Without `data` the child's event has none. A child that
        has not ended `timeout` after the step began is no longer waited for, and goes on.

        Raises:
            StepFailed: the child failed, was cancelled (code "run_cancelled"), or is late (code
                "invoke_timeout"); its data does not fit; or there is no such job.
        """
        name = self._name(step_id)
        within_s = None if timeout is None else seconds_of(timeout)

        async def child_result(call: StepCall) -> Any:
            child = _child_id(self._run_id, name)
            event = Event(INVOKED, _fields(name, call.args[0]), f"{child}:invoked")
            await self.outside.start_child(self._run_id, child, job.id, event)
            await self._gate.pause()
            with self._live.asleep():
                try:
                    return await self.outside.outcome(child, within_s)
                except (RunFailed, RunCancelled, InvokeTimeout) as error:
                    text = error.message if isinstance(error, RunFailed) else str(error)
                    code, cause = codec.code_of(error), codec.cause_of(error)
                    raise StepFailed(
                        name, type(error).__name__, text, code=code, cause=cause
                    ) from error

        call = self._call(name, "invoke", (data,))
        stored = await self._durable(name, lambda: self._hooked(call, child_result), kind=call.kind)
        return read_back(job.result, stored)

    async def send_event(
        self, step_id: str, event: Sendable | Sequence[Sendable]
    ) -> list[SentEvent]:
        """Send one event or several, exactly once however often the run is replayed.

        Raises:
            StepFailed: an event was refused.
        """
        name = self._name(step_id)
        is_one = isinstance(event, (EventData, Event, Mapping))
        events: list[Sendable] = [event] if is_one else list(event)

        async def send(_: StepCall) -> Any:
            sent = await self.outside.send_as(self._run_id, name, events)
            return _SENT.dump_python(sent, mode="json")

        call = self._call(name, "send_event")
        stored = await self._durable(name, lambda: self._hooked(call, send), kind=call.kind)
        return _SENT.validate_python(stored)


def _child_id(run_id: RunId, step_id: str) -> RunId:
    """The child of a step: the same for every execution of it."""
    child = RunId(f"{run_id}:{step_id}")
    if child == failure_run_id(run_id):
        raise NonRetriable(
            f"step {step_id!r}: a child cannot have the id of the run that handles failures; "
            "give the step another id"
        )
    return child


def _fields(step_id: str, data: object) -> dict[str, Any]:
    """The data of an event, as JSON."""
    if data is None:
        return {}
    if isinstance(data, EventData):
        return data.model_dump(mode="json", by_alias=True)
    if isinstance(data, Mapping):
        return dict(data)  # pyright: ignore[reportUnknownArgumentType] - JSON of the caller
    raise NonRetriable(f"step {step_id!r}: the data to invoke with is no event data")


_SENT = TypeAdapter(list[SentEvent])
