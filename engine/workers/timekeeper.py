"""What happens because time passes: cron ticks, and runs that are over their time."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.cron import CronRule
from engine.events import WireEvent
from engine.intake.accepted import Accepted
from engine.intake.intake import Intake
from engine.job import Job
from engine.storage import tables
from engine.storage.transactions import Ledger

log = logging.getLogger("engine.timekeeper")

LOOK_S = 1.0  # other processes set limits, too, and tell nobody
AGAIN_S = 0.005  # never spin, however close the next thing is


class Timekeeper:
    """Looks at the clock for the jobs of this process."""

    def __init__(
        self,
        jobs: Mapping[str, Job[Any, Any]],
        *,
        ledger: Ledger,
        intake: Intake,
        act: Callable[[Accepted], None],
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._act = act
        self._has_limits = any("timeouts" in job.flow.options for job in jobs.values())
        self._looked_at = ledger.now()
        self._crons = [rule for job in jobs.values() for rule in job.crons]

    @property
    def is_needed(self) -> bool:
        """Whether any job cares for the time."""
        return self._has_limits or bool(self._crons)

    async def work(self) -> None:
        """Tick until cancelled."""
        due = {rule: rule.next_after(self._ledger.now()) for rule in self._crons}
        while True:
            sleep_s = LOOK_S
            try:
                if self._has_limits:
                    sleep_s = min(sleep_s, await self._cancel_overdue())
                sleep_s = min(sleep_s, await self._tick(due))
            except Exception as error:  # the rim of the loop
                if not self._ledger.passes(error):
                    log.exception("timekeeper_failed")
            await asyncio.sleep(max(AGAIN_S, sleep_s))

    async def _cancel_overdue(self) -> float:
        now_ms = self._ledger.now_ms()
        self._act(await self._ledger.transact(self._intake.cancel_overdue, now_ms))
        next_ms = await self._ledger.transact(_next_limit)
        return LOOK_S if next_ms is None else (next_ms - self._ledger.now_ms()) / 1000

    async def _tick(self, due: dict[CronRule, datetime]) -> float:
        now = self._ledger.now()
        if now < self._looked_at:  # set back: the ids of ticks that have been start nothing again
            due.update({rule: rule.next_after(now) for rule in due})
        self._looked_at = now
        for rule, at in due.items():
            if at <= now:
                due[rule] = rule.next_after(now)
                at_ms = int(at.timestamp() * 1000)
                # Every worker says so; the id lets one of them start the run.
                event_id = f"{rule.event_name}:{rule.schedule}:{at_ms}"
                event = WireEvent(rule.event_name, {"cron": rule.schedule}, event_id, at_ms)
                now_ms = self._ledger.now_ms()
                self._act(await self._ledger.transact(self._intake.accept, [event], now_ms))
        if not due:
            return LOOK_S
        return (min(due.values()) - self._ledger.now()).total_seconds()


def _next_limit(connection: sa.Connection) -> int | None:
    return connection.execute(sa.select(sa.func.min(tables.limit.c.at))).scalar()
