"""The engine's API: cancelling runs, repeating them, pausing jobs."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.ids import RunId, new_id
from engine.control.parts import Running
from engine.dbos import dbos_rows
from engine.errors import BadExpression, NoSuchRun
from engine.expressions import Expression
from engine.inspection.run_info import ms_of
from engine.intake.accepted import Accepted
from engine.intake.cancel_many import FIRST, Cursor, Selection, cancel_page
from engine.intake.pauses import pause_job, paused_jobs, resume_job
from engine.intake.replay import Choose, from_failure, from_start, from_step, run_again
from engine.job import Job
from engine.storage.database import SqliteDatabase
from engine.workers.fleet import living_besides

log = logging.getLogger("engine")

ELSEWHERE_S = 1.0  # within which every process finds a cancel whose notice it has missed
STOP_S = 5.0  # a step that ignores its cancellation for longer is left behind, and logged


class Acting(Running):
    """Changing what runs."""

    async def cancel(self, run_id: str) -> bool:
        """Cancel a run, and those it invoked. False if it had ended already.

        When this returns its step has been interrupted, a body that had not begun never will, and
        nothing is stored for it any more. Of a run in another process that is known within
        milliseconds; one that does not answer within a second is not waited for.

        Raises:
            NoSuchRun: there is no such run.
        """
        self._check_running()
        tried: list[str] = []
        with self._live.hearing() as heard:
            accepted = await self._ledger.transact(self._cancel, run_id, tried)
            self._act(accepted)
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
        accepted = Accepted(self._ledger.now_ms())
        if tried and row.status == "CANCELLED":
            accepted.cancelled += tried
        else:
            self._intake.cancel(connection, [run_id], accepted)
            self._intake.publish(connection, accepted)
            tried[:] = accepted.cancelled
        return accepted

    async def _executed_elsewhere(self, cancelled: Sequence[str]) -> list[str]:
        """Those that other processes executed; asked once the cancel is on its way to them."""
        if not cancelled or isinstance(self._database, SqliteDatabase):
            return []

        def look(connection: sa.Connection) -> list[str]:
            others = living_besides(connection, self.executor_id)
            return dbos_rows.were_executing_in(connection, cancelled, others) if others else []

        return await self._ledger.transact(look)

    async def _wait_stopped(self, run_ids: Iterable[str]) -> None:
        me = asyncio.current_task()
        for run_id in run_ids:
            live = self._live.get(run_id)
            if live is None or live.task is me:
                continue
            await asyncio.wait([live.task], timeout=STOP_S)
            if not live.has_ended:
                log.warning("step_ignores_cancel", extra={"run_id": run_id, "job_id": live.job_id})

    async def cancel_many(
        self,
        job: Job[Any, Any] | str,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        when: str | None = None,
    ) -> list[RunId]:
        """Cancel the runs of a job that have not ended, and those they invoked; returns them all.

        Only runs made from `after` on, before `before` (by default: until now), and for whose
        event `when` (CEL over `event`) holds. It is done in pages: when the process dies half
        way, the older half has been cancelled.

        Raises:
            BadExpression: `when` is not CEL, or names what is not there.
        """
        self._check_running()
        try:
            expression = None if when is None else Expression(when)
        except ValueError as error:
            raise BadExpression(str(error)) from error
        which = Selection(
            job if isinstance(job, str) else job.id,
            0 if after is None else ms_of(after),
            self._ledger.now_ms() + 1 if before is None else ms_of(before),
            expression,
        )
        cancelled: list[RunId] = []
        cursor: Cursor | None = FIRST
        while cursor is not None:
            accepted, cursor = await self._ledger.transact(
                cancel_page, self._intake, which, cursor, self._ledger.now_ms()
            )
            self._act(accepted)
            cancelled += map(RunId, accepted.cancelled)
            await self._wait_stopped(accepted.cancelled)
        return cancelled

    async def pause(self, job: Job[Any, Any] | str) -> bool:
        """Let no run of a job start any more, in any process; False if it was paused already.

        Its events are still accepted and its runs wait, over restarts, until `resume`. Runs that
        have started go on, but handlers of their failures wait, too. When this returns no run
        starts here; other processes hear of it by NOTIFY at once, and find it by a poll within
        1 s. `timeouts.start` goes on counting.
        """
        self._check_running()
        job_id = job if isinstance(job, str) else job.id
        now_ms = self._ledger.now_ms()
        done, granted = await self._ledger.transact(pause_job, job_id, now_ms, self.executor_id)
        self._slots.wake(granted)
        await self._dispatcher.refresh_pauses()
        return done

    async def resume(self, job: Job[Any, Any] | str) -> bool:
        """Undo `pause`: what has waited starts, oldest first. False if the job was not paused."""
        self._check_running()
        job_id = job if isinstance(job, str) else job.id
        done = await self._ledger.transact(resume_job, job_id, self.executor_id)
        await self._dispatcher.refresh_pauses()
        return done

    async def paused(self) -> dict[str, datetime]:
        """The ids of the paused jobs, and since when."""
        self._check_running()
        return await self._ledger.transact(paused_jobs)

    async def replay(self, run_id: str) -> RunId:
        """Repeat a failed or cancelled run from where it failed; returns the new run's id.

        The new run takes over every step that the old one had recorded, except the step that
        failed it and those that started after that had failed (a rollback, say). Where the body
        itself raised, and not because its last step failed, only the body runs again.
        The old run stays as it is. Flow control of starts does not apply; concurrency does.

        Raises:
            NoSuchRun: there is no such run, or its event has been swept.
            CannotReplay: it has completed, or not ended.
        """
        return await self._again(run_id, from_failure)

    async def rerun(self, run_id: str, *, from_step_id: str | None = None) -> RunId:
        """Repeat a run that has ended, however; returns the new run's id.

        With `from_step_id` the new run takes over what was recorded when that step started, and
        runs it and what comes after it again; without, it takes over nothing.

        Raises:
            NoSuchRun: there is no such run, or its event has been swept.
            CannotReplay: it has not ended.
            NoSuchStep: it has recorded no such step.
        """
        return await self._again(
            run_id, from_start if from_step_id is None else from_step(from_step_id)
        )

    async def _again(self, run_id: str, choose: Choose) -> RunId:
        self._check_running()
        target = f"{run_id}:{new_id('again')[-12:]}"
        accepted = await self._ledger.transact(
            run_again, self._intake, (run_id, target), choose, self._ledger.now_ms()
        )
        self._act(accepted)
        return RunId(target)
