"""Events on their way to the engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.ids import EventId, OwnerId


@dataclass(frozen=True)
class OutboxEvent:
    """An event that was committed with the rows it speaks of, and must reach the engine.

    Send it with `event_id`, then `Outbox.ack` it. Sending twice is harmless: the engine knows the
    id.
    """

    event_id: EventId
    name: str
    data: Mapping[str, str | int | float | bool | None]
    user_id: OwnerId
    created_at: datetime
    attempts: int = 0
