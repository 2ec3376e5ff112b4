"""Repeating runs that have ended."""

from collections.abc import Callable
from dataclasses import dataclass

from core.ids import RunId, new_id
from engine.intake.intake import Accepted, Intake
from engine.intake.replay import Choose, from_failure, from_start, from_step, run_again
from engine.storage.transactions import Ledger


@dataclass(frozen=True)
class Repeats:
    """Starts new runs that take over steps of old ones."""

    ledger: Ledger
    intake: Intake
    act: Callable[[Accepted], None]

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
        accepted = await self.ledger.transact(
            run_again, self.intake, (run_id, target), choose, self.ledger.now_ms()
        )
        self.act(accepted)
        return RunId(target)
