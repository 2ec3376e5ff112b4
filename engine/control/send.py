"""Sending events and signals, triggering jobs: what starts runs."""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from engine.errors import BadEvent
from engine.events import INVOKED, Event, EventData, SentEvent, WireEvent, new_event_id
from engine.intake.accepted import Accepted, Store
from engine.intake.intake import Intake
from engine.job import Job
from engine.judging import MAX_ID
from engine.middleware import Hooks, through
from engine.outgoing import Sendable, as_json, check_text, event_of, wire_event
from engine.steps.waits import WaitKey
from engine.storage.transactions import Ledger


@dataclass(frozen=True)
class Sender:
    """Stores events, and the runs that they start, through one ledger."""

    ledger: Ledger
    intake: Intake
    models: Mapping[str, Sequence[type[EventData]]]
    """See `models_of`."""
    hooks: Hooks
    act: Callable[[Accepted], None]

    def send(
        self, event: Sendable, event_id: str | None, user: Mapping[str, Any] | None
    ) -> Coroutine[Any, Any, list[SentEvent]]:
        """See `Engine.send`; a list of one."""
        return self.store([_identified(event, event_id, user)])

    def send_many(self, events: Iterable[Sendable]) -> Coroutine[Any, Any, list[SentEvent]]:
        """See `Engine.send_many`."""
        given: object = events
        if isinstance(given, (str, Mapping, Event, EventData)):
            raise BadEvent("(one)", "send_many takes a list; for one there is send")
        return self.store([_identified(event) for event in events])

    async def store(
        self,
        events: Sequence[Event],
        store: Store | None = None,
        *,
        model: type[EventData] | None = None,
    ) -> list[SentEvent]:
        """Give events, which have their ids, to the middleware, and store what comes of them.

        Their data fits the models of their names, and `model`.
        """
        more = () if model is None else (model,)

        async def deliver(changed: Sequence[Event]) -> list[SentEvent]:
            if len(changed) != len(events):
                raise BadEvent(events[0].name, "middleware has dropped or added events")
            wires = [
                self._wire(event, (*self.models.get(event.name, ()), *more)) for event in changed
            ]
            accepted = await self.ledger.transact(
                store or self.intake.accept, wires, self.ledger.now_ms()
            )
            self.act(accepted)
            return accepted.sent

        return await through(self.hooks.send, tuple(events), deliver)

    async def signal(self, signal: str, data: Any) -> bool:
        """See `Engine.send_signal`."""
        check_text(signal, "the name of a signal", signal, MAX_ID)
        data = as_json(signal, "data", data)
        tried: list[WaitKey] = []

        def answer(connection: sa.Connection) -> Accepted:
            accepted = self.intake.signal(connection, signal, data, self.ledger.now_ms())
            if not accepted.woken:  # by the attempt before, whose commit was made after all
                accepted.woken += tried
            tried[:] = accepted.woken
            return accepted

        accepted = await self.ledger.transact(answer)
        self.act(accepted)
        return bool(accepted.woken)

    async def trigger_many(self, job_id: str, batch: Iterable[Sendable]) -> list[SentEvent]:
        """See `Engine.trigger_many`."""
        found = self.intake.job(job_id)

        def start(connection: sa.Connection, wires: Sequence[WireEvent], now_ms: int) -> Accepted:
            return self.intake.trigger(connection, found.id, wires, now_ms)

        events = [_identified(_of_name(INVOKED, each)) for each in batch]
        if not events:
            return []
        return await self.store(events, start, model=found.data_model)

    def _wire(self, event: Event, models: Iterable[type[EventData]]) -> WireEvent:
        event_id = event.id or new_event_id()
        return wire_event(event, models, now=self.ledger.now(), event_id=event_id)


def _identified(
    given: Sendable,
    event_id: str | None = None,
    user: Mapping[str, Any] | None = None,
) -> Event:
    """An event that has its id; what is given here goes before what it brings."""
    event = event_of(given)
    if event_id is not None:
        event = event_of(replace(event, id=event_id))
    return replace(event, id=event.id or new_event_id(), user=event.user if user is None else user)


def _of_name(name: str, given: Sendable) -> Event:
    """An event of this name, whatever it brings."""
    if isinstance(given, Mapping):
        return event_of({**given, "name": name})
    return replace(given if isinstance(given, Event) else event_of(given), name=name)


def models_of(jobs: Mapping[str, Job[Any, Any]]) -> dict[str, list[type[EventData]]]:
    """The models that the data of each event must fit."""
    models: dict[str, list[type[EventData]]] = {}
    for job in jobs.values():
        for rule in job.triggers:
            if rule.model is not None and rule.model not in models.get(rule.pattern, ()):
                models.setdefault(rule.pattern, []).append(rule.model)
    return models
