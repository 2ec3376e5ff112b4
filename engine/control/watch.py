"""What became of a run, and waiting for its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.errors import NoSuchRun, RunCancelled
from engine.inspection.run_info import RunInfo, StepRecord, list_runs, read_run, read_steps
from engine.live import LiveRuns
from engine.status import RunStatus
from engine.steps.waits import has_open_wait
from engine.storage.transactions import Ledger

POLL_S = 1.0  # when a run ends in another process and its notice is lost


@dataclass(frozen=True)
class Watcher:
    """Looks at runs, and waits for them."""

    ledger: Ledger
    live: LiveRuns
    check_running: Callable[[], None]

    async def run(self, run_id: str) -> RunInfo:
        """See `Engine.run`."""
        return await _look(self.ledger, run_id)

    async def is_waiting(self, run_id: str) -> bool:
        """See `Engine.is_waiting`."""
        return await self.ledger.transact(has_open_wait, run_id)

    async def runs(
        self, *, job_id: str | None, status: RunStatus | None, limit: int
    ) -> list[RunInfo]:
        """See `Engine.runs`."""
        return await self.ledger.transact(list_runs, job_id=job_id, status=status, limit=limit)

    async def steps(self, run_id: str) -> list[StepRecord]:
        """See `Engine.steps`."""
        return await self.ledger.transact(read_steps, run_id)

    async def wait(self, run_id: str, timeout_s: float | None) -> RunInfo:
        """See `Engine.wait`."""
        with self.live.watching(run_id) as may_have_ended:
            async with asyncio.timeout(timeout_s):
                while True:
                    self.check_running()
                    info = await _look(self.ledger.patient(), run_id)
                    if info.has_ended:
                        return info
                    try:
                        async with asyncio.timeout(POLL_S):
                            await may_have_ended.wait()
                    except TimeoutError:
                        pass
                    may_have_ended.clear()

    async def result(self, run_id: str, timeout_s: float | None) -> Any:
        """See `Engine.result`."""
        info = await self.wait(run_id, timeout_s)
        if info.error is not None:
            raise info.error
        if info.status == "cancelled":
            raise RunCancelled(run_id)
        return info.result


async def _look(ledger: Ledger, run_id: str) -> RunInfo:
    info = await ledger.transact(read_run, run_id)
    if info is None:
        raise NoSuchRun(run_id)
    return info
