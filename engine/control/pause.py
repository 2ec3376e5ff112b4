"""Pausing jobs: nothing of them starts until they are resumed."""

from dataclasses import dataclass
from datetime import datetime

from engine.intake.pauses import pause_job, paused_jobs, resume_job
from engine.steps.slots import Slots
from engine.storage.transactions import Ledger
from engine.workers.dispatcher import Dispatcher


@dataclass(frozen=True)
class Pauses:
    """Pauses and resumes jobs, for every process on the database."""

    executor_id: str
    ledger: Ledger
    slots: Slots
    dispatcher: Dispatcher

    async def pause(self, job_id: str) -> bool:
        """See `Engine.pause`."""
        now_ms = self.ledger.now_ms()
        done, granted = await self.ledger.transact(pause_job, job_id, now_ms, self.executor_id)
        self.slots.wake(granted)
        await self.dispatcher.refresh_pauses()
        return done

    async def resume(self, job_id: str) -> bool:
        """See `Engine.resume`."""
        done = await self.ledger.transact(resume_job, job_id, self.executor_id)
        await self.dispatcher.refresh_pauses()
        return done

    async def paused(self) -> dict[str, datetime]:
        """See `Engine.paused`."""
        return await self.ledger.transact(paused_jobs)
