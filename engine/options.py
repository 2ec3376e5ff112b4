"""The flow control of a job: as it is written in `@job`, and compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypedDict, get_type_hints

from engine.duration import Duration, check_between, seconds_of
from engine.expressions import Expression
from engine.fairness import NO_KEY
from engine.judging import check_number, check_timeout, check_word

SingletonMode = Literal["skip", "cancel"]

# A run that gathers events is made before its last event is known, so what decides about a start
# cannot be told yet. As in Inngest, where batches exclude the same.
DECIDE_ABOUT_A_START = ("throttle", "singleton")


def _check_period(what: str, period: Duration) -> None:
    check_between(what, period, "1s", "7d")


class Option(Protocol):
    """What every word of flow control that is more than an expression can do."""

    excludes: ClassVar[tuple[str, ...]]
    """With which other words it does not go together."""

    def check(self) -> None:
        """Raise ValueError where it cannot work; the text says what would."""
        ...

    def expressions(self) -> Mapping[str, str | None]:
        """What of it is CEL, by the name under which `Flow` compiles it."""
        ...


@dataclass(frozen=True)
class Throttle:
    """Start at most `limit` runs per `period`, evenly spaced; the others start later (GCRA).

    `burst` runs may start together when it has been quiet.
    """

    limit: int
    period: Duration
    burst: int = 1
    key: str | None = None

    excludes: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise ValueError where it lets nothing through."""
        check_number("the limit of a throttle", self.limit)
        check_number("the burst of a throttle", self.burst)
        _check_period("the period of a throttle", self.period)

    def expressions(self) -> Mapping[str, str | None]:
        """Its key."""
        return {"throttle": self.key}


@dataclass(frozen=True)
class RateLimit:
    """Start at most `limit` runs in a window of `period`; further events start nothing."""

    limit: int
    period: Duration
    key: str | None = None

    excludes: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise ValueError where it lets nothing through."""
        check_number("the limit of a rate limit", self.limit)
        _check_period("the period of a rate limit", self.period)

    def expressions(self) -> Mapping[str, str | None]:
        """Its key."""
        return {"rate_limit": self.key}


@dataclass(frozen=True)
class Singleton:
    """One run at a time for each value of `key`: a new one is skipped, or cancels the old one."""

    mode: SingletonMode = "skip"
    key: str | None = None

    excludes: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise ValueError where the mode is none."""
        check_word("the mode of a singleton", self.mode, SingletonMode)

    def expressions(self) -> Mapping[str, str | None]:
        """Its key."""
        return {"singleton": self.key}


@dataclass(frozen=True)
class Debounce:
    """Start one run when no event has come for `period`; it gets the event with the latest `ts`.

    The run exists, scheduled, from the first event on. With `timeout` it starts that long after
    its first event at the latest, however many follow. An event that is older than one that has
    come before it is part of the run, and puts nothing off.
    """

    period: Duration
    key: str | None = None
    timeout: Duration | None = None

    excludes: ClassVar[tuple[str, ...]] = ("batch", *DECIDE_ABOUT_A_START)

    def check(self) -> None:
        """Raise ValueError where a time is none."""
        _check_period("the period of a debounce", self.period)
        if self.timeout is not None:
            _check_period("the timeout of a debounce", self.timeout)

    def expressions(self) -> Mapping[str, str | None]:
        """Its key."""
        return {"debounce": self.key}


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

    excludes: ClassVar[tuple[str, ...]] = (*DECIDE_ABOUT_A_START, "rate_limit", "idempotency")

    def check(self) -> None:
        """Raise ValueError where it holds no event, or waits for no time."""
        check_number("the max_size of a batch", self.max_size)
        _check_period("the timeout of a batch", self.timeout)

    def expressions(self) -> Mapping[str, str | None]:
        """Its key, and which events it takes."""
        return {"batch": self.key, "batch_when": self.when}


@dataclass(frozen=True)
class Timeouts:
    """Cancel a run that has not started after `start`, or that runs longer than `finish`."""

    start: Duration | None = None
    finish: Duration | None = None

    excludes: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise ValueError where a time is none."""
        check_timeout("timeouts.start", self.start)
        check_timeout("timeouts.finish", self.finish)

    def expressions(self) -> Mapping[str, str | None]:
        """None."""
        return {}


class FlowOptions(TypedDict, total=False):
    """The flow control of a job, as `@job` takes it.

    `priority` is CEL giving seconds from -600 to 600 by which a run goes ahead of others;
    `idempotency` is CEL: events with one value start one run in 24 hours. `fairness` is CEL that
    says whose a run is, such as "event.user.id": runs of different values take turns, and those
    of one never fill a process. Values are the same for all jobs.

    A key is CEL, too. Where it cannot be told (it raises, or names a field that an event lacks)
    nothing is lost for it: `rate_limit`, `singleton`, `idempotency` and `debounce` let the event
    start its run, `throttle`, `batch` and concurrency count it with others of that kind,
    `priority` is 0, and for `fairness` it is nobody's.
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


_KINDS: Mapping[str, type[Option] | type[str]] = get_type_hints(FlowOptions)


def _check(name: str, option: object) -> None:
    """Whether a word is known, and what is given for it can work."""
    kind = _KINDS.get(name)
    if kind is None:
        raise ValueError(f"there is no option {name!r}; there are {', '.join(sorted(_KINDS))}")
    if not isinstance(option, kind):
        wanted = "a CEL expression, as text" if kind is str else f"{kind.__name__}(…)"
        raise ValueError(f"{name} is {wanted}, not {option!r}")  # noqa: TRY004 - one kind of error for all of a definition
    if not isinstance(option, str):
        option.check()


def _check_together(options: Mapping[str, Option | str]) -> None:
    for name, option in options.items():
        for other in () if isinstance(option, str) else option.excludes:
            if other in options:
                raise ValueError(f"{name} and {other} do not go together")


def _sources(name: str, option: Option | str) -> Mapping[str, str | None]:
    return {name: option} if isinstance(option, str) else option.expressions()


@dataclass(frozen=True)
class Flow:
    """FlowOptions, compiled; an option that is None is not there.

    Raises:
        ValueError: an expression is not CEL, or an option cannot work.
    """

    options: FlowOptions
    expressions: Mapping[str, Expression] = field(init=False)

    def __post_init__(self) -> None:
        given: dict[str, Any] = {
            name: option for name, option in self.options.items() if option is not None
        }
        for name, option in given.items():
            _check(name, option)
        _check_together(given)
        expressions = {
            name: Expression(source)
            for each in given.items()
            for name, source in _sources(*each).items()
            if source is not None
        }
        object.__setattr__(self, "options", given)
        object.__setattr__(self, "expressions", expressions)

    def key(self, job_id: str, name: str, event: Mapping[str, Any]) -> str | None:
        """What is counted together under one of the rules; None where that cannot be told."""
        expression = self.expressions.get(name)
        value = "null" if expression is None else expression.key(event)
        return None if value is None else f"{name}:{job_id}:{value}"

    def shared_key(self, job_id: str, name: str, event: Mapping[str, Any]) -> str:
        """The same; what cannot be told is counted together."""
        return self.key(job_id, name, event) or f"{name}:{job_id}:null"

    def gathering_key(self, job_id: str, event: Mapping[str, Any], run_id: str) -> str:
        """What an event gathers under; a debounce loses none for a key that cannot be told."""
        if "batch" in self.options:
            return self.shared_key(job_id, "batch", event)
        return self.key(job_id, "debounce", event) or f"debounce:{job_id}:of {run_id}"

    @property
    def has_turns(self) -> bool:
        """Whether runs of different keys take turns."""
        return "fairness" in self.expressions

    def turn(self, event: Mapping[str, Any]) -> str | None:
        """The key under which a run of this event takes its turn; None where the job has none."""
        expression = self.expressions.get("fairness")
        if expression is None:
            return None
        key = expression.key(event)
        return NO_KEY if key is None or key == "null" else key

    @property
    def gathers(self) -> bool:
        """Whether several events may start one run."""
        return "debounce" in self.options or "batch" in self.options

    def gathering(self, event: Mapping[str, Any]) -> Debounce | Batch | None:
        """The rule under which an event shares a run with others, if one does."""
        debounce, batch = self.options.get("debounce"), self.options.get("batch")
        if debounce is not None:
            return debounce
        when = self.expressions.get("batch_when")
        return None if when is not None and not when.holds(event) else batch

    def start_timeout_ms(self) -> int | None:
        """How long a run may wait for its start."""
        timeouts = self.options.get("timeouts")
        return None if timeouts is None else _ms(timeouts.start)

    def finish_timeout_ms(self) -> int | None:
        """How long a run may take from its start."""
        timeouts = self.options.get("timeouts")
        return None if timeouts is None else _ms(timeouts.finish)


def _ms(duration: Duration | None) -> int | None:
    return None if duration is None else int(seconds_of(duration) * 1000)
