"""Pausing jobs: nothing of them starts until they are resumed."""

from datetime import datetime

from engine.intake.pauses import pause_job, paused_jobs, resume_job
from engine.steps.slots import Slots
from engine.storage.transactions import Ledger
from engine.workers.dispatcher import Dispatcher


class Pauses:
    """Pauses and resumes jobs, for every process on the database."""

    def __init__(
        self, executor_id: str, *, ledger: Ledger, slots: Slots, dispatcher: Dispatcher
    ) -> None:
        self._executor_id = executor_id
        self._ledger = ledger
        self._slots = slots
        self._dispatcher = dispatcher

    async def pause(self, job_id: str) -> bool:
        """See `Engine.pause`."""
        now_ms = self._ledger.now_ms()
        done, granted = await self._ledger.transact(pause_job, job_id, now_ms, self._executor_id)
        self._slots.wake(granted)
        await self._dispatcher.refresh_pauses()
        return done

    async def resume(self, job_id: str) -> bool:
        """See `Engine.resume`."""
        done = await self._ledger.transact(resume_job, job_id, self._executor_id)
        await self._dispatcher.refresh_pauses()
        return done

    async def paused(self) -> dict[str, datetime]:
        """See `Engine.paused`."""
        return await self._ledger.transact(paused_jobs)
