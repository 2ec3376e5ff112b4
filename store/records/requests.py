"""What people have asked for and a run of the engine does."""

from dataclasses import dataclass
from typing import Literal

from core.ids import EventId


@dataclass(frozen=True)
class OpenRequest:
    """An import, export or generation that is not over.

    `event_id` is that of the event which started its run, or will. `is_on_its_way`: the relay has
    this event still.
    """

    kind: Literal["transfer", "generation"]
    request_id: str
    event_id: EventId
    is_on_its_way: bool
