"""What a job is: its triggers, its limits, its retries, and the function that does it."""

from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, Unpack, cast, overload

from pydantic import TypeAdapter, ValidationError

from core.invalid import problem_text
from engine.concurrency import ConcurrencyRule, Limits, compile_limits
from engine.cron import Cron, CronRule, compile_cron
from engine.errors import BadJob, NonRetriable
from engine.events import INVOKED, EventData, ReceivedEvent, WireEvent, received_event
from engine.judging import check_function, check_name, listed
from engine.middleware import Middleware
from engine.options import Flow, FlowOptions
from engine.outgoing import as_json, stored_data
from engine.results import result_adapter
from engine.retry import RetryPolicy
from engine.steps.context import FailureContext, JobContext
from engine.steps.plain import PlainFailureContext, PlainJobContext
from engine.triggers import CancelOn, CancelRule, Trigger, TriggerRule, compile_trigger

D = TypeVar("D")
R = TypeVar("R")
EventType = TypeVar("EventType", bound=EventData)

MAX_TRIGGERS = 10


OnFailure = (
    Callable[[FailureContext[D]], Awaitable[object]] | Callable[[PlainFailureContext[D]], object]
)


@dataclass(frozen=True)
class Job(Generic[D, R]):
    """A durable function: made by `@job`, handed to `Engine(jobs=[…])`.

    `fn` is the plain function, for tests that want to call it without an engine.
    """

    id: str
    fn: Callable[[JobContext[D]], Awaitable[R]]  # of a plain one: Callable[[PlainJobContext], R]
    triggers: tuple[TriggerRule, ...]
    cancel_on: tuple[CancelRule, ...]
    concurrency: tuple[ConcurrencyRule, ...]
    retry: RetryPolicy
    on_failure: OnFailure[D] | None
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


def edited(event: WireEvent, job: Job[Any, Any], data: Mapping[str, Any]) -> WireEvent:
    """The event with other data, as the model stores it by which the job takes this event.

    Raises:
        BadEvent: the data does not fit, or is not JSON.
    """
    found = as_json(event.name, "data", dict(data))
    model = _model_of(job, event.name)
    return replace(event, data=found if model is None else stored_data(model, event.name, found))


def _model_of(job: Job[Any, Any], event_name: str) -> type[EventData] | None:
    if event_name == INVOKED:
        return job.data_model
    return next((rule.model for rule in job.triggers if rule.takes(event_name)), None)


def received(event: WireEvent, job: Job[Any, Any]) -> ReceivedEvent[Any]:
    """A stored event as the job sees it, its data in the job's model.

    Raises:
        NonRetriable: the data no longer fits the model.
    """
    try:
        return received_event(event, _model_of(job, event.name))
    except ValueError as error:
        why = problem_text(error, whole="data") if isinstance(error, ValidationError) else error
        raise NonRetriable(f"event {event.name!r} does not fit {job.id!r}: {why}") from error


@dataclass(frozen=True)
class _Words:
    """What `@job` is given beside the function."""

    on: Trigger | Sequence[Trigger]
    cancel_on: CancelOn | Sequence[CancelOn]
    concurrency: Limits
    retries: int | RetryPolicy
    on_failure: OnFailure[Any] | None
    middleware: Sequence[Middleware]
    flow: FlowOptions


def _defined(job_id: str, words: _Words) -> Callable[..., Job[Any, Any]]:
    """What makes a function this job; ValueError where the definition cannot work."""
    check_name("the id of a job", job_id)
    triggers: Sequence[Trigger] = (
        words.on if isinstance(words.on, (list, tuple)) else (cast("Trigger", words.on),)
    )
    if not 1 <= len(triggers) <= MAX_TRIGGERS:
        raise ValueError(f"a job has 1 to {MAX_TRIGGERS} triggers, not {len(triggers)}")
    rules = tuple(compile_trigger(job_id, trigger) for trigger in triggers)
    flow = Flow(words.flow)
    cancel_on = listed("cancel_on", words.cancel_on, CancelOn)
    if "batch" in flow.options and cancel_on:
        raise ValueError("batch and cancel_on do not go together: no one event is the cause")
    if words.on_failure is not None:
        check_function("on_failure", words.on_failure)
    causes = [rule.model for rule in rules]
    models = set(causes)
    return partial(
        Job,
        id=job_id,
        triggers=rules,
        cancel_on=tuple(rule.compile(causes) for rule in cancel_on),
        concurrency=compile_limits(job_id, words.concurrency),
        retry=RetryPolicy.of(words.retries),
        on_failure=words.on_failure,
        data_model=models.pop() if len(models) == 1 else None,
        flow=flow,
        crons=tuple(compile_cron(job_id, each) for each in triggers if isinstance(each, Cron)),
        middleware=listed("middleware", words.middleware, Middleware),
    )


@contextmanager
def _judging(job_id: str) -> Generator[None]:
    try:
        yield
    except (ValueError, TypeError) as error:
        raise BadJob(job_id, str(error)) from error


class _Decorator(Protocol[D]):
    """Makes a function a job."""

    @overload
    def __call__(self, fn: Callable[[JobContext[D]], Awaitable[R]], /) -> Job[D, R]: ...
    @overload
    def __call__(self, fn: Callable[[PlainJobContext[D]], R], /) -> Job[D, R]: ...


@overload
def job(
    job_id: str,
    *,
    on: type[EventType],
    cancel_on: CancelOn | Sequence[CancelOn] = (),
    concurrency: Limits = (),
    retries: int | RetryPolicy = 4,
    on_failure: OnFailure[EventType] | None = None,
    middleware: Sequence[Middleware] = (),
    **flow: Unpack[FlowOptions],
) -> _Decorator[EventType]: ...
@overload
def job(
    job_id: str,
    *,
    on: Trigger | Sequence[Trigger],
    cancel_on: CancelOn | Sequence[CancelOn] = (),
    concurrency: Limits = (),
    retries: int | RetryPolicy = 4,
    on_failure: OnFailure[Any] | None = None,
    middleware: Sequence[Middleware] = (),
    **flow: Unpack[FlowOptions],
) -> _Decorator[Any]: ...
def job(  # noqa: PLR0913 - one keyword for each word of the vocabulary
    job_id: str,
    *,
    on: Trigger | Sequence[Trigger],
    cancel_on: CancelOn | Sequence[CancelOn] = (),
    concurrency: Limits = (),
    retries: int | RetryPolicy = 4,
    on_failure: OnFailure[Any] | None = None,
    middleware: Sequence[Middleware] = (),
    **flow: Unpack[FlowOptions],
) -> _Decorator[Any]:
    """Make a function a durable job.

    The id is part of what is stored: renaming it strands unfinished runs. The body replays after a
    crash, so clocks, chance and I/O belong inside steps. `concurrency=5` is a limit of the whole
    job. `retries` counts per step, after the first attempt (0 to 20). `on_failure` runs durably,
    once, after the run has failed for good. `middleware` is around runs and steps of this job,
    inside that of the engine. The rest is flow control: see `FlowOptions`.

    A plain function (`def`) runs in a thread of its own and gets a `PlainJobContext`, whose steps
    block. A cancel waits until it has returned, or comes to its next step.

    Raises:
        BadJob: the definition cannot work; the text names what and where.
    """
    words = _Words(on, cancel_on, concurrency, retries, on_failure, middleware, flow)

    with _judging(job_id):
        defined = _defined(job_id, words)

    def decorate(fn: Callable[[Any], Any]) -> Job[Any, Any]:
        with _judging(job_id):
            check_function("a job", fn)
            return defined(fn=fn, result=result_adapter(fn))

    return decorate


def jobs_by_id(jobs: Sequence[Job[Any, Any]]) -> dict[str, Job[Any, Any]]:
    """The jobs of an engine.

    Raises:
        BadJob: one is none, or two have one id.
    """
    given: object = jobs
    if isinstance(given, (Job, str)) or not isinstance(given, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] - users may
        raise BadJob(str(getattr(given, "id", given)), "an engine takes a list: jobs=[…]")
    found: dict[str, Job[Any, Any]] = {}
    for each in jobs:
        thing: object = each
        if not isinstance(thing, Job):  # pyright: ignore[reportUnnecessaryIsInstance] - users may
            name = getattr(thing, "__qualname__", repr(thing))
            raise BadJob(name, "it is no job; put @job(id, on=…) above it")
        if each.id in found:
            raise BadJob(each.id, "two jobs have this id")
        found[each.id] = each
    return found
