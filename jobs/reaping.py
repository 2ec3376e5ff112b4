"""What the reapers share: how often they look, and that one row stops no other."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from core.clock import Clock
from engine.status import ENDED, RunStatus
from store.errors import StoreUnavailable

log = logging.getLogger(__name__)

Row = TypeVar("Row")

FAULTS_IN_A_ROW = 3  # then it is the engine or the store that is at fault, and not a row


@dataclass(frozen=True)
class ReapTimes:
    """How often to look, and how long a row may be silent before it is looked at.

    Silence alone closes nothing: a thinking model is silent. A row is closed when the engine has no
    live run for it either.
    """

    every_s: float = 15.0
    silent_s: float = 30.0

    def silent_since(self, now: datetime) -> datetime:
        """What was last heard of before that is looked at."""
        return now - timedelta(seconds=self.silent_s)

    def is_at_work(self, status: RunStatus, ended_at: datetime | None, *, now: datetime) -> bool:
        """Whether a run is going to say how it ended.

        One that ended a moment ago counts: its `on_failure` may still be at it.
        """
        is_recent = ended_at is not None and ended_at > self.silent_since(now)
        return status not in ENDED or is_recent


class Reaping(ABC, Generic[Row]):
    """Runs beside the worker; two at once do no harm: closing is checked in the mutation."""

    def __init__(self, clock: Clock, times: ReapTimes) -> None:
        self.clock = clock
        self.times = times

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                await self.sweep()
            except Exception:  # the rim of the reaper: what could not be looked at now is later
                log.exception("reap_postponed")
            await asyncio.sleep(self.times.every_s)

    async def sweep(self) -> int:
        """Close what nobody works on; how many there were.

        A row that cannot be looked at is handed to `set_aside`, and the others go on, unless
        several in a row say that it is not the row's fault.

        Raises:
            StoreUnavailable: the store cannot be read or written.
            Exception: what `FAULTS_IN_A_ROW` rows raised.
        """
        closed = faults = 0
        for row in await self.silent(self.times.silent_since(self.clock.now())):
            try:
                closed += await self.look_at(row)
                faults = 0
            except StoreUnavailable:
                raise
            except Exception as fault:  # one row is no reason to leave the others
                faults += 1
                if faults == FAULTS_IN_A_ROW:
                    raise
                await self.set_aside(row, fault)
        return closed

    @abstractmethod
    async def silent(self, before: datetime) -> Sequence[Row]:
        """What is open and was last heard of before that."""

    @abstractmethod
    async def look_at(self, row: Row) -> bool:
        """Close it if nobody works on it; whether it had to be closed."""

    @abstractmethod
    async def set_aside(self, row: Row, fault: Exception) -> None:
        """Report a row that could not be looked at, and let it wait."""
