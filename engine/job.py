"""What a job is: its triggers, its limits, its retries, and the function that does it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar, Unpack, overload

from pydantic import TypeAdapter

from engine.context import FailureContext, JobContext
from engine.cron import Cron, CronRule, compile_cron
from engine.duration import Duration, seconds_of
from engine.errors import BadJob, NonRetriable
from engine.events import (
    INVOKED,
    EventData,
    ReceivedEvent,
    WireEvent,
    received_event,
    stored_data,
)
from engine.expressions import Expression
from engine.middleware import Middleware
from engine.options import Flow, FlowOptions
from engine.results import result_adapter
from engine.retry import RetryPolicy

D = TypeVar("D")
R = TypeVar("R")
EventType = TypeVar("EventType", bound=EventData)

MAX_TRIGGERS = 10
MAX_CONCURRENCY = 2

Scope = Literal["fn", "env", "account"]
Counted = Literal["steps", "runs"]


@dataclass(frozen=True)
class On:
    """Start the job at an event: a model, a name, or a pattern such as `orders/*`.

    `when` is a CEL expression over `event`; a missing key is no match.
    """

    event: type[EventData] | str
    when: str | None = None


Trigger = type[EventData] | str | On | Cron


@dataclass(frozen=True)
class CancelOn:
    """Cancel a run when a later event arrives.

    `match` is a path that must hold the same value in both events ("data.messageId"); `when` a CEL
    expression over `event` (the one that started the run) and `async` (the later one). With
    `timeout`, events later than that after the start no longer cancel.
    """

    event: type[EventData] | str
    match: str | None = None
    when: str | None = None
    timeout: Duration | None = None


@dataclass(frozen=True)
class Concurrency:
    """At most `limit` steps execute at once for each value of `key` (CEL over `event`).

    A run keeps its place between two steps, so runs of one key do not interleave; it gives the
    place up while it sleeps, waits or backs off. `scope` "fn" counts this job alone; "env" and
    "account" count every job that names the same key. With `counts` "runs" a run takes one place
    however many of its steps execute side by side.
    """

    limit: int
    key: str | None = None
    scope: Scope = "fn"
    counts: Counted = "steps"


@dataclass(frozen=True)
class TriggerRule:
    """A trigger, compiled: which event names it takes, and under which condition."""

    pattern: str
    model: type[EventData] | None
    when: Expression | None

    def takes(self, name: str) -> bool:
        """Whether an event of this name can fire it."""
        if self.pattern.endswith("*"):
            return name.startswith(self.pattern[:-1])
        return name == self.pattern


@dataclass(frozen=True)
class CancelRule:
    """A CancelOn, compiled."""

    event_name: str
    match: str | None
    when: Expression | None
    timeout_s: float | None


@dataclass(frozen=True)
class ConcurrencyRule:
    """A Concurrency, compiled; `prefix` tells scopes apart."""

    limit: int
    key: Expression | None
    prefix: str
    counts: Counted


@dataclass(frozen=True)
class Job(Generic[D, R]):
    """A durable function: made by `@job`, handed to `Engine(jobs=[…])`.

    `fn` is the plain function, for tests that want to call it without an engine.
    """

    id: str
    fn: Callable[[JobContext[D]], Awaitable[R]]
    triggers: tuple[TriggerRule, ...]
    cancel_on: tuple[CancelRule, ...]
    concurrency: tuple[ConcurrencyRule, ...]
    retry: RetryPolicy
    on_failure: Callable[[FailureContext[D]], Awaitable[None]] | None
    data_model: type[EventData] | None
    flow: Flow
    crons: tuple[CronRule, ...]
    middleware: tuple[Middleware, ...]
    result: TypeAdapter[R]


def fitted_to(job: Job[Any, Any], event: WireEvent) -> WireEvent:
    """An event that is to start this job, its data as the job's model stores it.

    Raises:
        BadEvent: the data does not fit.
    """
    if job.data_model is None:
        return event
    return replace(event, data=stored_data(job.data_model, job.id, event.data))


def received(event: WireEvent, job: Job[Any, Any]) -> ReceivedEvent[Any]:
    """A stored event as the job sees it, its data in the job's model.

    Raises:
        NonRetriable: the data no longer fits the model.
    """
    if event.name == INVOKED:
        model = job.data_model
    else:
        model = next((rule.model for rule in job.triggers if rule.takes(event.name)), None)
    try:
        return received_event(event, model)
    except ValueError as error:
        raise NonRetriable(f"event {event.name!r} does not fit {job.id!r}: {error}") from error


def _event_name(job_id: str, event: type[EventData] | str) -> str:
    if isinstance(event, str):
        return event
    if not event.event_name:
        raise BadJob(
            job_id, f"{event.__name__} has no event name; write class X(EventData, event=…)"
        )
    return event.event_name


def _expression(job_id: str, source: str | None) -> Expression | None:
    if source is None:
        return None
    try:
        return Expression(source)
    except ValueError as error:
        raise BadJob(job_id, f"{source!r} is not a CEL expression: {error}") from error


def _trigger(job_id: str, trigger: Trigger) -> TriggerRule:
    if isinstance(trigger, Cron):
        return TriggerRule(trigger.event_name(job_id), None, None)
    on = trigger if isinstance(trigger, On) else On(trigger)
    name = _event_name(job_id, on.event)
    if "*" in name[:-1]:
        raise BadJob(job_id, f"{name!r}: a wildcard stands at the end only, as in 'orders/*'")
    model = None if isinstance(on.event, str) else on.event
    return TriggerRule(name, model, _expression(job_id, on.when))


def _cancel(job_id: str, rule: CancelOn) -> CancelRule:
    timeout_s = None if rule.timeout is None else seconds_of(rule.timeout)
    return CancelRule(
        _event_name(job_id, rule.event), rule.match, _expression(job_id, rule.when), timeout_s
    )


def _concurrency(job_id: str, rule: Concurrency) -> ConcurrencyRule:
    if rule.limit < 1:
        raise BadJob(job_id, f"a concurrency limit is at least 1, not {rule.limit}")
    prefix = f"fn:{job_id}" if rule.scope == "fn" else rule.scope
    return ConcurrencyRule(rule.limit, _expression(job_id, rule.key), prefix, rule.counts)


@overload
def job(
    job_id: str,
    *,
    on: type[EventType],
    cancel_on: Sequence[CancelOn] = (),
    concurrency: Sequence[Concurrency] = (),
    retries: int | RetryPolicy = 4,
    on_failure: Callable[[FailureContext[EventType]], Awaitable[None]] | None = None,
    middleware: Sequence[Middleware] = (),
    **flow: Unpack[FlowOptions],
) -> Callable[[Callable[[JobContext[EventType]], Awaitable[R]]], Job[EventType, R]]: ...
@overload
def job(
    job_id: str,
    *,
    on: Trigger | Sequence[Trigger],
    cancel_on: Sequence[CancelOn] = (),
    concurrency: Sequence[Concurrency] = (),
    retries: int | RetryPolicy = 4,
    on_failure: Callable[[FailureContext[Any]], Awaitable[None]] | None = None,
    middleware: Sequence[Middleware] = (),
    **flow: Unpack[FlowOptions],
) -> Callable[[Callable[[JobContext[Any]], Awaitable[R]]], Job[Any, R]]: ...
def job(  # noqa: PLR0913 - one keyword for each word of the vocabulary
    job_id: str,
    *,
    on: Trigger | Sequence[Trigger],
    cancel_on: Sequence[CancelOn] = (),
    concurrency: Sequence[Concurrency] = (),
    retries: int | RetryPolicy = 4,
    on_failure: Callable[[FailureContext[Any]], Awaitable[None]] | None = None,
    middleware: Sequence[Middleware] = (),
    **flow: Unpack[FlowOptions],
) -> Callable[[Callable[[JobContext[Any]], Awaitable[R]]], Job[Any, R]]:
    """Make an async function a durable job.

    The id is part of what is stored: renaming it strands unfinished runs. The body replays after a
    crash, so clocks, chance and I/O belong inside steps. `retries` counts per step, after the first
    attempt (0 to 20). `on_failure` runs durably, once, after the run has failed for good.
    `middleware` is around runs and steps of this job, inside that of the engine. The rest is flow
    control: see `FlowOptions`.

    Raises:
        BadJob: the definition cannot work; the text names what and where.
    """
    triggers: Sequence[Trigger] = (on,) if isinstance(on, (str, type, On, Cron)) else on
    if not 1 <= len(triggers) <= MAX_TRIGGERS:
        raise BadJob(job_id, f"a job has 1 to {MAX_TRIGGERS} triggers, not {len(triggers)}")
    if len(concurrency) > MAX_CONCURRENCY:
        raise BadJob(job_id, f"at most {MAX_CONCURRENCY} concurrency limits")
    rules = tuple(_trigger(job_id, trigger) for trigger in triggers)
    models = {rule.model for rule in rules}
    retry = retries if isinstance(retries, RetryPolicy) else RetryPolicy(max_attempts=retries + 1)
    try:
        retry.check()
        compiled = Flow(flow)
        crons = tuple(compile_cron(job_id, each) for each in triggers if isinstance(each, Cron))
    except ValueError as error:
        raise BadJob(job_id, str(error)) from error
    if "batch" in flow and cancel_on:
        raise BadJob(job_id, "batch and cancel_on do not go together: no one event is the cause")

    def decorate(fn: Callable[[JobContext[Any]], Awaitable[R]]) -> Job[Any, R]:
        return Job(
            id=job_id,
            fn=fn,
            triggers=rules,
            cancel_on=tuple(_cancel(job_id, rule) for rule in cancel_on),
            concurrency=tuple(_concurrency(job_id, rule) for rule in concurrency),
            retry=retry,
            on_failure=on_failure,
            data_model=models.pop() if len(models) == 1 else None,
            flow=compiled,
            crons=crons,
            middleware=tuple(middleware),
            result=result_adapter(fn),
        )

    return decorate
