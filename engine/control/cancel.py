"""Cancelling runs, and waiting until nothing of them executes any more."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from core.ids import RunId
from engine.dbos import dbos_rows
from engine.errors import BadExpression, NoSuchRun
from engine.expressions import Expression
from engine.inspection.run_info import ms_of
from engine.intake.cancel_many import FIRST, Cursor, Selection, cancel_page
from engine.intake.intake import Accepted, Intake
from engine.live import LiveRuns
from engine.storage.transactions import Ledger
from engine.workers.fleet import living_besides

log = logging.getLogger("engine")

ELSEWHERE_S = 1.0  # within which every process finds a cancel whose notice it has missed
STOP_S = 5.0  # a step that ignores its cancellation for longer is left behind, and logged


@dataclass(frozen=True)
class Cancels:
    """Cancels what callers ask it to."""

    executor_id: str
    ledger: Ledger
    intake: Intake
    live: LiveRuns
    act: Callable[[Accepted], None]
    is_alone: bool
    """Whether no other process can have the database."""

    async def cancel(self, run_id: str) -> bool:
        """See `Engine.cancel`."""
        tried: list[str] = []
        with self.live.hearing() as heard:
            accepted = await self.ledger.transact(self._cancel, run_id, tried)
            self.act(accepted)
            await self._wait_stopped(accepted.cancelled)
            try:
                async with asyncio.timeout(ELSEWHERE_S):
                    await heard.all_of(await self._executed_elsewhere(accepted.cancelled))
            except TimeoutError:
                log.warning("cancel_not_confirmed", extra={"run_id": run_id})
        return run_id in accepted.cancelled

    def _cancel(self, connection: sa.Connection, run_id: str, tried: list[str]) -> Accepted:
        """Cancel; `tried` is what an attempt has cancelled whose commit may have been made."""
        row = dbos_rows.run_row(connection, run_id)
        if row is None:
            raise NoSuchRun(run_id)
        accepted = Accepted(self.ledger.now_ms())
        if tried and row.status == "cancelled":
            accepted.cancelled += tried
        else:
            self.intake.cancel(connection, [run_id], accepted)
            self.intake.publish(connection, accepted)
            tried[:] = accepted.cancelled
        return accepted

    async def _executed_elsewhere(self, cancelled: Sequence[str]) -> list[str]:
        """Those that other processes executed; asked once the cancel is on its way to them."""
        if not cancelled or self.is_alone:
            return []

        def look(connection: sa.Connection) -> list[str]:
            others = living_besides(connection, self.executor_id)
            return dbos_rows.were_executing_in(connection, cancelled, others) if others else []

        return await self.ledger.transact(look)

    async def _wait_stopped(self, run_ids: Iterable[str]) -> None:
        me = asyncio.current_task()
        for run_id in run_ids:
            live = self.live.get(run_id)
            if live is None or live.task is me:
                continue
            await asyncio.wait([live.task], timeout=STOP_S)
            if not live.has_ended:
                log.warning("step_ignores_cancel", extra={"run_id": run_id, "job_id": live.job_id})

    async def cancel_many(
        self, job_id: str, *, after: datetime | None, before: datetime | None, when: str | None
    ) -> list[RunId]:
        """See `Engine.cancel_many`."""
        try:
            expression = None if when is None else Expression(when)
        except ValueError as error:
            raise BadExpression(str(error)) from error
        which = Selection(
            job_id,
            0 if after is None else ms_of(after),
            self.ledger.now_ms() + 1 if before is None else ms_of(before),
            expression,
        )
        cancelled: list[RunId] = []
        cursor: Cursor | None = FIRST
        while cursor is not None:
            accepted, cursor = await self.ledger.transact(
                cancel_page, self.intake, which, cursor, self.ledger.now_ms()
            )
            self.act(accepted)
            cancelled += map(RunId, accepted.cancelled)
            await self._wait_stopped(accepted.cancelled)
        return cancelled
