"""What a job body is handed: its event, its steps, and the objects the engine was given."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from core.ids import RunId
from engine.current import current_step
from engine.errors import ErrorCause, NotProvided, StepFailed
from engine.events import ReceivedEvent
from engine.realtime.channels import AnyTopic, Channel, Topic
from engine.steps.publishing import RunPublisher
from engine.steps.steps import Steps
from engine.storage import codec

D = TypeVar("D")
T = TypeVar("T")

log = logging.getLogger("engine.run")


class Provided:
    """The objects given to the engine, found by type."""

    def __init__(self, objects: list[object]) -> None:
        self._objects = objects

    def need(self, wanted: type[T]) -> T:
        """The one object that is a `wanted`; the most recently given where there are several.

        Raises:
            NotProvided: there is none.
        """
        for thing in reversed(self._objects):
            if isinstance(thing, wanted):
                return thing
        raise NotProvided(wanted)

    def after(self, first: Sequence[object]) -> "Provided":
        """These, found before what is here."""
        return Provided([*self._objects, *first]) if first else self


class ReplayAwareLog(logging.LoggerAdapter[logging.Logger]):
    """A logger with the run's id in `extra`, silent while the body replays finished steps."""

    def __init__(self, steps: Steps, extra: dict[str, object]) -> None:
        super().__init__(log, extra)
        self._steps = steps

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Whether a record of this level would be written now."""
        return not self._steps.replaying and super().isEnabledFor(level)


@dataclass(frozen=True)
class Scope:
    """What every context of one execution shares."""

    run_id: RunId
    job_id: str
    steps: Steps
    provided: Provided
    attempt: int
    publisher: RunPublisher


class _Context(Generic[D]):
    def __init__(
        self, event: ReceivedEvent[D], scope: Scope, events: Sequence[ReceivedEvent[D]] = ()
    ) -> None:
        self.event = event
        self.events = tuple(events) or (event,)
        """All of a batch, oldest first; without one, the event alone."""
        self.run_id = scope.run_id
        self.job_id = scope.job_id
        self.step = scope.steps
        self.log = ReplayAwareLog(scope.steps, {"run_id": scope.run_id, "job_id": scope.job_id})
        self._scope = scope

    @property
    def attempt(self) -> int:
        """Counts from 0: of the step where it is read inside one, else of the body."""
        step = current_step()
        return self._scope.attempt if step is None else step.attempt

    def need(self, wanted: type[T]) -> T:
        """The object of this type that was given to `Engine(provide=[…])`.

        Raises:
            NotProvided: there is none.
        """
        return self._scope.provided.need(wanted)

    @overload
    async def publish(self, channel: Channel | str, topic: Topic[T], data: T) -> None: ...
    @overload
    async def publish(self, channel: Channel | str, topic: str, data: object) -> None: ...
    async def publish(self, channel: Channel | str, topic: AnyTopic, data: object) -> None:
        """Send a message to whoever listens now, from the body or from inside a step.

        It is stored nowhere. While the body replays recorded steps nothing is sent again. A channel
        or topic that is given by its name takes any JSON.

        Raises:
            BadChannel: the channel has no such topic, or a name cannot be. Fails the run.
            BadMessage: the data does not fit the topic, is not JSON, or is over 512 KiB. As above.
        """
        steps = self.step
        await self._scope.publisher.say(
            channel, topic, data, branch=steps.branch, replaying=steps.replaying
        )


class JobContext(_Context[D]):
    """One run of a job, as its body sees it."""


@dataclass(frozen=True)
class RunError:
    """Why a run failed. `step_id` is None when the body itself raised.

    `code` is that of the class of what failed it, None where that has none: tell failures apart by
    it. `cause` is what a `NonRetriable` was raised from.
    """

    name: str
    message: str
    step_id: str | None
    code: str | None = None
    cause: ErrorCause | None = None

    @classmethod
    def of(cls, failure: Exception) -> "RunError":
        """What is told of the failure that ends a run."""
        fields = codec.error_fields(failure)
        step_id = failure.step_id if isinstance(failure, StepFailed) else None
        cause = codec.cause_of(failure)
        return cls(fields["name"], fields["message"], step_id, fields.get("code"), cause)

    def as_json(self) -> dict[str, Any]:
        """The shape of `error` in `engine/function.failed`; `code` and `cause` where there are."""
        return {
            "name": self.name,
            "message": self.message,
            "stepId": self.step_id,
            **({} if self.code is None else {"code": self.code}),
            **({} if self.cause is None else {"cause": codec.cause_fields(self.cause)}),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "RunError":
        """The inverse of `as_json`; old code has stored neither a code nor a cause."""
        cause = codec.cause_from(fields.get("cause"))
        return cls(fields["name"], fields["message"], fields["stepId"], fields.get("code"), cause)


class FailureContext(_Context[D]):
    """A failed run, as `on_failure` sees it: `run_id` and `event` are those of that run."""

    def __init__(
        self,
        event: ReceivedEvent[D],
        scope: Scope,
        error: RunError,
        events: Sequence[ReceivedEvent[D]] = (),
    ) -> None:
        super().__init__(event, scope, events)
        self.error = error
