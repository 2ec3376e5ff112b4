"""Events that were committed with their rows and must reach the engine."""

from core.ids import EventId
from store.client import ConvexHttp
from store.records import OutboxEvent
from store.rows import decode


class Outbox:
    """Read by the relay. At least once: the engine drops an event id it knows."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def pending(self, *, limit: int = 100) -> tuple[OutboxEvent, ...]:
        """Events that are due, oldest first, at most 500.

        A new event is due 2 s after its commit, because the API sends it itself in the normal case;
        one that failed is due after a pause that doubles up to a minute.
        """
        value = await self._http.query("system/outbox:pending", {"limit": limit})
        return tuple(decode(OutboxEvent, row) for row in value)

    async def ack(self, event_id: EventId) -> None:
        """The engine has it: forget it. Doing so again is no error."""
        await self._http.mutation("system/outbox:ack", {"eventIds": [event_id]})

    async def failed(self, event_id: EventId, *, error: str) -> None:
        """Sending did not work now: try again later. `error` is kept, cut to 500 characters."""
        await self._http.mutation("system/outbox:failed", {"eventId": event_id, "error": error})
