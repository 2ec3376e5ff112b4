"""Events of Inngest clients: judged, acted upon, and what they have started."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services.clients.keys import OwnedKeys
from app.services.clients.payloads import CancelPayload, StartPayload
from app.services.clients.tasks import (
    CANCELS,
    STARTS,
    BadPayload,
    ClientTasks,
    key_of,
    read_payload,
)
from app.services.engine import EngineAccess, OperatorOnly
from core.errors import Refused
from core.ids import EventId, OwnerId, new_id
from engine.expressions import Expression
from engine.inspection import NoSuchEvent, RunDetail, RunFilter

MAX_CANCELLED = 1_000  # by one request
PAGE = 200


class UnknownEvent(OperatorOnly):
    """An event that nobody but the operator may send."""

    code = "unknown_event"

    def __init__(self, name: str) -> None:
        Refused.__init__(
            self,
            f"Event {name[:100]!r} may not be sent; there are {', '.join({**STARTS, **CANCELS})}",
        )


@dataclass(frozen=True)
class ClientEvent:
    """An event as it came: with its own id, or the seed of the request and its number there."""

    name: str
    data: Mapping[str, Any]
    event_id: str | None
    seed: str | None
    number: int

    @property
    def key(self) -> str:
        """What makes the same event, sent again, start nothing."""
        if self.event_id is not None:
            return key_of(self.name, "id", self.event_id)
        if self.seed is not None:
            return key_of(self.name, "seed", self.seed, str(self.number))
        return key_of(new_id("evt"))


@dataclass(frozen=True)
class ReadEvent:
    """An event that has been judged. `payload` None: it goes to the engine as it is."""

    event: ClientEvent
    payload: StartPayload | CancelPayload | None


@dataclass(frozen=True)
class ClientEvents:
    """What the routes of Inngest clients do."""

    tasks: ClientTasks
    engine: EngineAccess
    event_keys: OwnedKeys
    signing_keys: OwnedKeys

    def read(self, event: ClientEvent) -> ReadEvent:
        """What an event asks for. Raises: BadPayload; UnknownEvent: it is not one of ours.

        The operator of an installation with one local user may send any other event as well.
        """
        model = STARTS.get(event.name) or CANCELS.get(event.name)
        if model is not None:
            return ReadEvent(event, read_payload(event.name, model, event.data))
        if not self.engine.has_operator:
            raise UnknownEvent(event.name)
        return ReadEvent(event, None)

    async def act(self, read: ReadEvent, *, owner: OwnerId) -> EventId:
        """Do what an event asks for; the id of the engine's event. Raises: Refused."""
        event = read.event
        if read.payload is None:
            sent = await self.engine.send(event.name, event.data, owner=owner, event_id=event.key)
            return sent.event_id
        if isinstance(read.payload, StartPayload):
            begun = await self.tasks.begin(read.payload, owner=owner, key=event.key)
            return begun.event_id
        return await self.tasks.cancel(read.payload, owner=owner)

    async def runs_of(self, event_id: str, *, owner: OwnerId) -> list[RunDetail]:
        """What an event of the owner's has started; nothing where it is not theirs."""
        try:
            event = await self.engine.event(event_id, owner=owner)
        except NoSuchEvent:
            return []
        return [await self.engine.run(run_id, owner=owner) for run_id in event.run_ids]

    async def cancel_many(
        self,
        job_id: str,
        *,
        owner: OwnerId,
        after: datetime | None,
        before: datetime,
        when: str | None,
    ) -> int:
        """Cancel the owner's runs of a job that have not ended; how many.

        `when` is CEL over `event`. At most 1,000 at once. Raises: Refused: `when` is not CEL.
        """
        holds = None if when is None else _expression(when)
        which = RunFilter(job_id=job_id, since=after, until=before, user_id=owner)
        cursor, cancelled = None, 0
        while cancelled < MAX_CANCELLED:
            page = await self.engine.engine.inspect.runs(which, limit=PAGE, cursor=cursor)
            for found in page.items:
                if found.ended_at is not None:
                    continue
                run = await self.engine.run(found.run_id, owner=owner)
                if holds and not (run.event and holds.holds(run.event.as_json())):
                    continue
                cancelled += await self.engine.cancel(found.run_id, owner=owner)
            cursor = page.next_cursor
            if cursor is None:
                break
        return cancelled


def _expression(text: str) -> Expression:
    try:
        return Expression(text)
    except ValueError as error:
        raise BadPayload("if", str(error)) from None
