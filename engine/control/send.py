"""The engine's API: sending events and signals, triggering jobs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from engine.control.parts import Running
from engine.errors import BadEvent
from engine.events import INVOKED, Event, EventData, SentEvent, WireEvent, new_event_id
from engine.intake.accepted import Accepted, Store
from engine.job import Job
from engine.judging import MAX_ID
from engine.middleware import Hooks, through
from engine.outgoing import Sendable, as_json, check_text, event_of, wire_event
from engine.steps.waits import WaitKey
from engine.storage.transactions import Ledger


class Sending(Running):
    """What starts runs."""

    _models: Mapping[str, list[type[EventData]]]
    _hooks: Hooks

    async def send(
        self,
        event: Sendable,
        *,
        event_id: str | None = None,
        user: Mapping[str, Any] | None = None,
    ) -> SentEvent:
        """Send one event: stored, and its runs enqueued, before this returns.

        It is a model, an `Event`, or an object as in Inngest: {"name": …, "data": {…}}.

        An `event_id` seen in the last 24 hours starts nothing and gets the first send's answer.

        Raises:
            BadEvent: the data does not fit the event's model, is no JSON, or is too large.
        """
        self._check_running()
        return (await self._send_through([_identified(event, event_id, user)]))[0]

    async def send_many(self, events: Iterable[Sendable]) -> list[SentEvent]:
        """Send events in one transaction: all are stored, or none.

        Raises:
            BadEvent: one of them was refused.
        """
        self._check_running()
        given: object = events
        if isinstance(given, (str, Mapping, Event, EventData)):
            raise BadEvent("(one)", "send_many takes a list; for one there is send")
        return await self._send_through([_identified(event) for event in events])

    async def _send_through(
        self,
        events: Sequence[Event],
        store: Store | None = None,
        *,
        ledger: Ledger | None = None,
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
                self._wire(event, (*self._models.get(event.name, ()), *more)) for event in changed
            ]
            accepted = await (ledger or self._ledger).transact(
                store or self._intake.accept, wires, self._ledger.now_ms()
            )
            self._act(accepted)
            return accepted.sent

        return await through(self._hooks.send, tuple(events), deliver)

    async def send_signal(self, signal: str, data: Any = None) -> bool:
        """Wake the run that waits for this signal; False when none does. `data` is JSON.

        Raises:
            BadEvent: it is not, or the signal has no name.
        """
        self._check_running()
        check_text(signal, "the name of a signal", signal, MAX_ID)
        data = as_json(signal, "data", data)
        tried: list[WaitKey] = []

        def answer(connection: sa.Connection) -> Accepted:
            accepted = self._intake.signal(connection, signal, data, self._ledger.now_ms())
            if not accepted.woken:  # by the attempt before, whose commit was made after all
                accepted.woken += tried
            tried[:] = accepted.woken
            return accepted

        accepted = await self._ledger.transact(answer)
        self._act(accepted)
        return bool(accepted.woken)

    async def trigger_many(
        self, job: Job[Any, Any] | str, batch: Iterable[Sendable]
    ) -> list[SentEvent]:
        """Start one run of this job for each of these data, all or none, whatever its triggers.

        Other jobs do not hear of it. Flow control applies; the `id` and `ts` of an `Event` mean
        what they mean for `send`, and its name nothing.

        Raises:
            NoSuchJob: the engine has no such job.
            BadEvent: one of the data does not fit the job's model, or is too large.
        """
        self._check_running()
        found = self._intake.job(job if isinstance(job, str) else job.id)

        def start(connection: sa.Connection, wires: Sequence[WireEvent], now_ms: int) -> Accepted:
            return self._intake.trigger(connection, found.id, wires, now_ms)

        events = [_identified(_of_name(INVOKED, each)) for each in batch]
        if not events:
            return []
        return await self._send_through(events, start, model=found.data_model)

    def _wire(self, event: Event, models: Iterable[type[EventData]]) -> WireEvent:
        return wire_event(event, models, now=self._clock.now(), event_id=event.id or new_event_id())


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
