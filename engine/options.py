"""The flow control of a job: as it is written in `@job`, and compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from engine import codec
from engine.duration import Duration, seconds_of
from engine.expressions import Expression
from engine.fairness import NO_KEY


@dataclass(frozen=True)
class Throttle:
    """Start at most `limit` runs per `period`, evenly spaced; the others start later (GCRA).

    `burst` runs may start together when it has been quiet.
    """

    limit: int
    period: Duration
    burst: int = 1
    key: str | None = None


@dataclass(frozen=True)
class RateLimit:
    """Start at most `limit` runs in a window of `period`; further events start nothing."""

    limit: int
    period: Duration
    key: str | None = None


@dataclass(frozen=True)
class Singleton:
    """One run at a time for each value of `key`: a new one is skipped, or cancels the old one."""

    mode: Literal["skip", "cancel"] = "skip"
    key: str | None = None


@dataclass(frozen=True)
class Debounce:
    """Start one run when no event has come for `period`; it gets the last event.

    The run exists, scheduled, from the first event on. With `timeout` it starts that long after
    its first event at the latest, however many follow.
    """

    period: Duration
    key: str | None = None
    timeout: Duration | None = None


@dataclass(frozen=True)
class Batch:
    """Start one run for up to `max_size` events, `timeout` after the first at the latest.

    They are in `ctx.events`, oldest first; `ctx.event` is the first. Events of different `key`
    values (CEL) go into different batches; one for which `when` (CEL) does not hold starts a run
    of its own at once. A batch starts early when its events hold 10 MiB.
    """

    max_size: int
    timeout: Duration
    key: str | None = None
    when: str | None = None


@dataclass(frozen=True)
class Timeouts:
    """Cancel a run that has not started after `start`, or that runs longer than `finish`."""

    start: Duration | None = None
    finish: Duration | None = None


class FlowOptions(TypedDict, total=False):
    """The flow control of a job, as `@job` takes it.

    `priority` is CEL giving seconds from -600 to 600 by which a run goes ahead of others;
    `idempotency` is CEL: events with one value start one run in 24 hours. `fairness` is CEL that
    says whose a run is, such as "event.user.id": runs of different values take turns, and those
    of one never fill a process. Values are the same for all jobs.
    """

    throttle: Throttle
    rate_limit: RateLimit
    priority: str
    singleton: Singleton
    idempotency: str
    fairness: str
    timeouts: Timeouts
    debounce: Debounce
    batch: Batch


# A run that gathers events is made before its last event is known, so what decides about a start
# cannot be told yet. As in Inngest, where batches exclude the same.
_EXCLUDES: Mapping[str, tuple[str, ...]] = {
    "debounce": ("batch", "throttle", "singleton"),
    "batch": ("throttle", "singleton", "rate_limit", "idempotency"),
}


@dataclass(frozen=True)
class Flow:
    """FlowOptions, compiled.

    Raises:
        ValueError: an expression is not CEL, or a number makes no sense.
    """

    options: FlowOptions
    expressions: Mapping[str, Expression] = field(init=False)

    def __post_init__(self) -> None:
        options = self.options
        throttle, rate = options.get("throttle"), options.get("rate_limit")
        singleton = options.get("singleton")
        debounce, batch = options.get("debounce"), options.get("batch")
        sources = {
            "debounce": debounce.key if debounce else None,
            "batch": batch.key if batch else None,
            "batch_when": batch.when if batch else None,
            "throttle": throttle.key if throttle else None,
            "rate_limit": rate.key if rate else None,
            "singleton": singleton.key if singleton else None,
            "priority": options.get("priority"),
            "idempotency": options.get("idempotency"),
            "fairness": options.get("fairness"),
        }
        compiled = {name: Expression(text) for name, text in sources.items() if text is not None}
        object.__setattr__(self, "expressions", compiled)
        for limit in (throttle, rate):
            if limit is not None and (limit.limit < 1 or seconds_of(limit.period) <= 0):
                raise ValueError(f"{limit} allows nothing")
        if batch is not None and batch.max_size < 1:
            raise ValueError(f"{batch} holds no event")
        for rule in (debounce.period if debounce else 0, batch.timeout if batch else 0):
            seconds_of(rule)
        for name, others in _EXCLUDES.items():
            for other in others:
                if name in options and other in options:
                    raise ValueError(f"{name} and {other} do not go together")

    def key(self, job_id: str, name: str, event: Mapping[str, Any]) -> str:
        """What is counted together under one of the rules."""
        expression = self.expressions.get(name)
        value = None if expression is None else expression.value(event)
        return f"{name}:{job_id}:{codec.dumps(value)}"

    @property
    def has_turns(self) -> bool:
        """Whether runs of different keys take turns."""
        return "fairness" in self.expressions

    def turn(self, event: Mapping[str, Any]) -> str | None:
        """The key under which a run of this event takes its turn; None where the job has none."""
        expression = self.expressions.get("fairness")
        if expression is None:
            return None
        value = expression.value(event)
        return NO_KEY if value is None else codec.dumps(value)

    @property
    def gathers(self) -> bool:
        """Whether several events may start one run."""
        return "debounce" in self.options or "batch" in self.options

    def gathering(self, event: Mapping[str, Any]) -> Debounce | Batch | None:
        """The rule under which an event shares a run with others, if one does."""
        if "debounce" in self.options:
            return self.options["debounce"]
        when = self.expressions.get("batch_when")
        if "batch" not in self.options or (when is not None and not when.holds(event)):
            return None
        return self.options["batch"]

    def start_timeout_ms(self) -> int | None:
        """How long a run may wait for its start."""
        timeouts = self.options.get("timeouts")
        if timeouts is None or timeouts.start is None:
            return None
        return int(seconds_of(timeouts.start) * 1000)

    def finish_timeout_ms(self) -> int | None:
        """How long a run may take from its start."""
        timeouts = self.options.get("timeouts")
        if timeouts is None or timeouts.finish is None:
            return None
        return int(seconds_of(timeouts.finish) * 1000)
