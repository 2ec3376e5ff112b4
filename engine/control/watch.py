"""The engine's API: what became of a run."""

import asyncio
from typing import Any

from engine.control.parts import Running
from engine.errors import NoSuchRun, RunCancelled
from engine.expressions import expression_errors
from engine.inspection import Inspection
from engine.inspection.run_info import (
    RunInfo,
    RunStatus,
    StepRecord,
    list_runs,
    read_run,
    read_steps,
)
from engine.steps.waits import has_open_wait
from engine.storage.transactions import Ledger

POLL_S = 1.0  # when a run ends in another process and its notice is lost


class Watching(Running):
    """Looking at runs, and waiting for them."""

    async def run(self, run_id: str) -> RunInfo:
        """What is known of a run.

        Raises:
            NoSuchRun: there is no such run.
        """
        self._check_running()
        return await _look(self._ledger, run_id)

    @property
    def inspect(self) -> Inspection:
        """Filtered, paged views of runs, events, waits, queues, and metrics."""
        self._check_running()
        return Inspection(self._reader)

    def live_runs(self) -> list[str]:
        """The ids of the runs that execute, sleep or wait in this process."""
        return [live.run_id for live in self._live.all()]

    def expression_errors(self) -> dict[str, int]:
        """How often each CEL expression has raised in this process, by its text.

        Whatever one raises is no match. The first time of each kind is logged, a field that is not
        there at level INFO.
        """
        return expression_errors()

    async def is_waiting(self, run_id: str) -> bool:
        """Whether a run waits for an event or a signal, so that one sent now reaches it."""
        self._check_running()
        return await self._ledger.transact(has_open_wait, run_id)

    async def runs(
        self, *, job_id: str | None = None, status: RunStatus | None = None, limit: int = 50
    ) -> list[RunInfo]:
        """The newest runs, newest first."""
        self._check_running()
        return await self._ledger.transact(list_runs, job_id=job_id, status=status, limit=limit)

    async def steps(self, run_id: str) -> list[StepRecord]:
        """The recorded steps of a run, in the order they were first asked for."""
        self._check_running()
        return await self._ledger.transact(read_steps, run_id)

    async def wait(self, run_id: str, timeout_s: float | None) -> RunInfo:
        """Wait until a run has ended, also while the database is away.

        Raises:
            TimeoutError: it has not ended within `timeout_s`.
            NoSuchRun: there is no such run.
        """
        with self._live.watching(run_id) as may_have_ended:
            async with asyncio.timeout(timeout_s):
                while True:
                    self._check_running()
                    info = await _look(self._ledger.patient(), run_id)
                    if info.has_ended:
                        return info
                    try:
                        async with asyncio.timeout(POLL_S):
                            await may_have_ended.wait()
                    except TimeoutError:
                        pass
                    may_have_ended.clear()

    async def result(self, run_id: str, timeout_s: float | None) -> Any:
        """Wait for a run and return its result, as JSON.

        Raises:
            RunFailed: it failed.
            RunCancelled: it was cancelled.
            TimeoutError: it has not ended within `timeout_s`.
        """
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
