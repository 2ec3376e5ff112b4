"""What starts a job and what cancels its runs: as it is written in `@job`, and compiled."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.cron import TICK, Cron
from engine.duration import Duration, seconds_of
from engine.events import EventData
from engine.expressions import Expression
from engine.judging import check_match, check_one_event, check_pattern, check_timeout


@dataclass(frozen=True)
class TriggerRule:
    """A trigger, compiled: which event names it takes, and under which condition."""

    pattern: str
    model: type[EventData] | None
    when: Expression | None

    def takes(self, name: str) -> bool:
        """Whether an event of this name can fire it."""
        if self.pattern.endswith("*"):
            return name.startswith(self.pattern[:-1]) and not name.startswith(TICK)
        return name == self.pattern


@dataclass(frozen=True)
class CancelRule:
    """A CancelOn, compiled."""

    event_name: str
    match: str | None
    when: Expression | None
    timeout_s: float | None


@dataclass(frozen=True)
class On:
    """Start the job at an event: a model, a name, or a pattern such as `orders/*`.

    `when` is a CEL expression over `event`; a missing key is no match.
    """

    event: type[EventData] | str
    when: str | None = None

    def compile(self) -> TriggerRule:
        """Its rule. Raises: ValueError."""
        name = _event_name(self.event)
        check_pattern(name)
        when = None if self.when is None else Expression(self.when)
        return TriggerRule(name, _model(self.event), when)


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

    def compile(self, causes: Sequence[type[EventData] | None]) -> CancelRule:
        """Its rule for runs that events of these models start. Raises: ValueError."""
        name = _event_name(self.event)
        check_one_event(name)
        if self.match is not None:
            check_match(self.match, causes, self.event)
        check_timeout("the timeout of a CancelOn", self.timeout)
        timeout_s = None if self.timeout is None else seconds_of(self.timeout)
        when = None if self.when is None else Expression(self.when, later=True)
        return CancelRule(name, self.match, when, timeout_s)


Trigger = type[EventData] | str | On | Cron


def compile_trigger(job_id: str, trigger: Trigger) -> TriggerRule:
    """The rule of a trigger, however it is written. Raises: ValueError."""
    if isinstance(trigger, Cron):
        return TriggerRule(trigger.event_name(job_id), None, None)
    return (trigger if isinstance(trigger, On) else On(trigger)).compile()


def _model(event: object) -> type[EventData] | None:
    if isinstance(event, str):
        return None
    if not isinstance(event, type) or not issubclass(event, EventData):
        raise ValueError(  # noqa: TRY004 - all of a definition is judged alike
            f"{event!r} names no event: write its name, or class X(EventData, event=…)"
        )
    if not event.event_name:
        raise ValueError(
            f"{event.__name__} has no event name; write class {event.__name__}(EventData, event=…)"
        )
    return event


def _event_name(event: type[EventData] | str) -> str:
    model = _model(event)
    return str(event) if model is None else model.event_name
