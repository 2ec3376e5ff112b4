"""Middleware: code around every send, run and step, and after a run's end, in a fixed order."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from core.ids import RunId
from engine.events import Event, ReceivedEvent, SentEvent

C = TypeVar("C")
R = TypeVar("R")

Ended = Literal["completed", "failed", "cancelled"]
StepKind = Literal["run", "sleep", "wait_for_event", "wait_for_signal", "invoke", "send_event"]


@dataclass(frozen=True, slots=True)
class RunCall:
    """One attempt of a job's body, or of its `on_failure`; `replace` it to change what it gets.

    `attempt` counts from 0 and `max_attempts` is how many there are at most. `replays` is true when
    an earlier execution has recorded steps: the body goes through those first. `provided` are
    further objects for `ctx.need`, before those of the engine.
    """

    run_id: RunId
    job_id: str
    event: ReceivedEvent[Any]
    events: tuple[ReceivedEvent[Any], ...]
    attempt: int
    max_attempts: int
    replays: bool
    is_failure_handler: bool
    provided: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class StepCall:
    """One attempt of a step that really executes; recorded ones are not called again.

    `args` and `kwargs` are what the function of `step.run` gets, and for `invoke` the data; other
    kinds have none. Only `run` has attempts after the first.
    """

    run_id: RunId
    job_id: str
    step_id: str
    kind: StepKind
    attempt: int
    max_attempts: int
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run has ended for good, as it is stored.

    `result` is JSON, and None unless completed; `error` is a `RunFailed`, and None unless failed.
    `event` is what started it, its data in the job's model where it fits; None where it has been
    swept meanwhile.
    """

    run_id: RunId
    job_id: str
    event: ReceivedEvent[Any] | None
    status: Ended
    result: Any
    error: Exception | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    is_failure_handler: bool


Events = tuple[Event, ...]
Send = Callable[[Events], Awaitable[list[SentEvent]]]
Run = Callable[[RunCall], Awaitable[Any]]
Step = Callable[[StepCall], Awaitable[Any]]


class Middleware:
    """Override what you need; a hook that gets `proceed` calls it, once, and returns its result.

    What stands before `proceed` sees the input, what stands after it the output; either may be
    changed on the way. The first middleware in the list is the outermost. An exception counts as
    one of what is wrapped: a step's attempt fails, the send is refused.
    """

    async def on_send(self, events: Events, proceed: Send) -> list[SentEvent]:
        """Around events on their way to the database: from `send`, `send_event`, `invoke`.

        They have their ids; their number must stay as it is.
        """
        return await proceed(events)

    async def on_run(self, call: RunCall, proceed: Run) -> Any:
        """Around an attempt of a body; the result is what the job returns, as Python."""
        return await proceed(call)

    async def on_step(self, call: StepCall, proceed: Step) -> Any:
        """Around an attempt of a step; for `run` the result is what its function returns.

        For the other kinds it is JSON: change nothing there. What is returned is recorded, and a
        replay gives it to the body without asking here.
        """
        return await proceed(call)

    async def on_end(self, end: RunEnd) -> None:
        """After a run has completed, failed for good, or been cancelled, and that is stored.

        Called in the process that has ended it, once; a process that dies at this moment tells
        nobody, so what must not be lost listens to `engine/function.finished` and its siblings.
        Nothing waits for it, and an exception is logged.
        """


@dataclass(frozen=True)
class Hooks:
    """The hooks that are overridden, outermost first."""

    send: tuple[Callable[[Events, Send], Awaitable[list[SentEvent]]], ...] = ()
    run: tuple[Callable[[RunCall, Run], Awaitable[Any]], ...] = ()
    step: tuple[Callable[[StepCall, Step], Awaitable[Any]], ...] = ()
    end: tuple[Callable[[RunEnd], Awaitable[None]], ...] = ()

    @classmethod
    def of(cls, middleware: Sequence[Middleware]) -> "Hooks":
        """The hooks of these, in their order."""

        def overriding(name: str) -> list[Middleware]:
            own = getattr(Middleware, name)
            return [each for each in middleware if getattr(type(each), name) is not own]

        return cls(
            send=tuple(each.on_send for each in overriding("on_send")),
            run=tuple(each.on_run for each in overriding("on_run")),
            step=tuple(each.on_step for each in overriding("on_step")),
            end=tuple(each.on_end for each in overriding("on_end")),
        )


def through(
    hooks: Sequence[Callable[[C, Callable[[C], Awaitable[R]]], Awaitable[R]]],
    call: C,
    last: Callable[[C], Awaitable[R]],
) -> Awaitable[R]:
    """Call `last` through the hooks, the first one outermost; without any, it is `last` itself."""
    if not hooks:
        return last(call)
    first, *rest = hooks
    return first(call, lambda changed: through(rest, changed, last))
