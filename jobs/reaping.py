"""What the reapers share: how often they look, and that one row stops no other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

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


async def again_and_again(sweep: Callable[[], Awaitable[int]], *, every_s: float) -> None:
    """Sweep until cancelled."""
    while True:
        try:
            await sweep()
        except Exception:  # the rim of the reaper: what could not be looked at now is later
            log.exception("reap_postponed")
        await asyncio.sleep(every_s)


async def looked_at_each(
    rows: Sequence[Row],
    look_at: Callable[[Row], Awaitable[bool]],
    set_aside: Callable[[Row, Exception], Awaitable[None]],
) -> int:
    """Look at each row; how many had to be closed.

    A row that cannot be looked at is handed to `set_aside`, which reports it, and the others go
    on, unless several in a row say that it is not the row's fault.

    Raises:
        StoreUnavailable: the store cannot be read or written.
        Exception: what `FAULTS_IN_A_ROW` rows raised.
    """
    closed = faults = 0
    for row in rows:
        try:
            closed += await look_at(row)
            faults = 0
        except StoreUnavailable:
            raise
        except (
            Exception
        ) as fault:  # the rim of the reaper: one row is no reason to leave the others
            faults += 1
            if faults == FAULTS_IN_A_ROW:
                raise
            await set_aside(row, fault)
    return closed
