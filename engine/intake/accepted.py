"""What a transaction of the intake has done, to be acted upon once it has been committed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from engine.events import SentEvent, WireEvent
from engine.steps.slots import Place
from engine.steps.waits import WaitKey


@dataclass
class Accepted:
    """What a transaction of the intake did; acted upon after it has been committed."""

    now_ms: int
    sent: list[SentEvent] = field(default_factory=list[SentEvent])
    queues: set[str] = field(default_factory=set[str])
    delayed_until_ms: list[int] = field(default_factory=list[int])
    cancelled: list[str] = field(default_factory=list[str])
    woken: list[WaitKey] = field(default_factory=list[WaitKey])
    granted: list[Place] = field(default_factory=list[Place])


Store = Callable[[sa.Connection, Sequence[WireEvent], int], Accepted]
"""Stores events and starts what they start, at a time in ms."""
