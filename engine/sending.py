"""The engine's API: sending events and signals, triggering jobs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from core.ids import EventId
from engine.errors import BadEvent
from engine.events import (
    INVOKED,
    Event,
    EventData,
    SentEvent,
    WireEvent,
    event_of,
    new_event_id,
    stored_data,
)
from engine.intake import Accepted, Store
from engine.job import Job, fitted_to
from engine.ledger import Ledger
from engine.middleware import Hooks, through
from engine.running import Running
from engine.waits import WaitKey


class Sending(Running):
    """What starts runs."""

    _models: Mapping[str, list[type[EventData]]]
    _hooks: Hooks

    async def send(
        self,
        event: EventData | Event,
        *,
        event_id: str | None = None,
        user: Mapping[str, Any] | None = None,
    ) -> SentEvent:
        """Send one event: stored, and its runs enqueued, before this returns.

        An `event_id` seen in the last 24 hours starts nothing and gets the first send's answer.

        Raises:
            BadEvent: the data does not fit the event's model, or is too large.
        """
        self._check_running()
        return (await self._send_through([_identified(event, event_id, user)]))[0]

    async def send_many(self, events: Iterable[EventData | Event]) -> list[SentEvent]:
        """Send events in one transaction: all are stored, or none.

        Raises:
            BadEvent: one of them was refused.
        """
        self._check_running()
        return await self._send_through([_identified(event) for event in events])

    async def _send_through(
        self, events: Sequence[Event], store: Store | None = None, *, ledger: Ledger | None = None
    ) -> list[SentEvent]:
        """Give events, which have their ids, to the middleware, and store what comes of them."""

        async def deliver(changed: Sequence[Event]) -> list[SentEvent]:
            if len(changed) != len(events):
                raise BadEvent(events[0].name, "middleware has dropped or added events")
            wires = [self._wire(event) for event in changed]
            accepted = await (ledger or self._ledger).transact(
                store or self._intake.accept, wires, self._ledger.now_ms()
            )
            self._act(accepted)
            return accepted.sent

        return await through(self._hooks.send, tuple(events), deliver)

    async def send_signal(self, signal: str, data: Any = None) -> bool:
        """Wake the run that waits for this signal; False when none does. `data` is JSON."""
        self._check_running()
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
        self, job: Job[Any, Any] | str, batch: Iterable[EventData | Event]
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
            fitted = [fitted_to(found, wire) for wire in wires]
            return self._intake.trigger(connection, found.id, fitted, now_ms)

        events = [replace(_identified(each), name=INVOKED) for each in batch]
        return await self._send_through(events, start) if events else []

    def _wire(self, event: Event) -> WireEvent:
        ts = event.ts or self._clock.now()
        if ts.tzinfo is None:
            raise BadEvent(event.name, "its ts has no time zone")
        return WireEvent(
            name=event.name,
            data=data_of(event, self._models),
            id=EventId(event.id or new_event_id()),
            ts_ms=int(ts.astimezone(UTC).timestamp() * 1000),
            v=event.v,
            user=None if event.user is None else dict(event.user),
            headers=dict(event.headers),
        )


def _identified(
    data: EventData | Event,
    event_id: str | None = None,
    user: Mapping[str, Any] | None = None,
) -> Event:
    """An event that has its id; what is given here goes before what it brings."""
    event = event_of(data)
    user = event.user if user is None else user
    return replace(event, id=event_id or event.id or new_event_id(), user=user)


def data_of(event: Event, models: Mapping[str, list[type[EventData]]]) -> dict[str, Any]:
    """The data of an event as the model that jobs have for it stores it; of several, as it is.

    Raises:
        BadEvent: it does not fit.
    """
    found = [stored_data(model, event.name, event.data) for model in models.get(event.name, ())]
    return found[0] if len(found) == 1 else dict(event.data)


def models_of(jobs: Mapping[str, Job[Any, Any]]) -> dict[str, list[type[EventData]]]:
    """The models that the data of each event must fit."""
    models: dict[str, list[type[EventData]]] = {}
    for job in jobs.values():
        for rule in job.triggers:
            if rule.model is not None and rule.model not in models.get(rule.pattern, ()):
                models.setdefault(rule.pattern, []).append(rule.model)
    return models
