"""Repeating runs that have ended."""

from collections.abc import Callable

from core.ids import RunId, new_id
from engine.intake.intake import Accepted, Intake
from engine.intake.replay import Choose, from_failure, from_start, from_step, run_again
from engine.storage.transactions import Ledger


class Repeats:
    """Starts new runs that take over steps of old ones."""

    def __init__(self, *, ledger: Ledger, intake: Intake, act: Callable[[Accepted], None]) -> None:
        self._ledger = ledger
        self._intake = intake
        self._act = act

    async def replay(self, run_id: str) -> RunId:
        """See `Engine.replay`."""
        return await self._again(run_id, from_failure)

    async def rerun(self, run_id: str, from_step_id: str | None) -> RunId:
        """See `Engine.rerun`."""
        return await self._again(
            run_id, from_start if from_step_id is None else from_step(from_step_id)
        )

    async def _again(self, run_id: str, choose: Choose) -> RunId:
        target = f"{run_id}:{new_id('again')[-12:]}"
        accepted = await self._ledger.transact(
            run_again, self._intake, (run_id, target), choose, self._ledger.now_ms()
        )
        self._act(accepted)
        return RunId(target)
