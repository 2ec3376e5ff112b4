"""Repeating runs that have ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from core.ids import RunId, new_id
from engine.events import new_event_id
from engine.intake.intake import Accepted, Intake
from engine.intake.replay import Choose, Edited, from_failure, from_start, from_step, run_again
from engine.storage.transactions import Ledger


@dataclass(frozen=True)
class Repeats:
    """Starts new runs that take over steps of old ones."""

    ledger: Ledger
    intake: Intake
    act: Callable[[Accepted], None]

    async def replay(self, run_id: str, *, once: bool) -> RunId:
        """See `Engine.replay`."""
        return await self._again(
            run_id, _only_id(run_id) if once else _new_id(run_id), from_failure
        )

    async def rerun(
        self, run_id: str, from_step_id: str | None, data: Mapping[str, Any] | None
    ) -> RunId:
        """See `Engine.rerun`."""
        choose = from_start if from_step_id is None else from_step(from_step_id)
        edit = None if data is None else Edited(new_event_id(), data)
        return await self._again(run_id, _new_id(run_id), choose, edit)

    async def _again(
        self, run_id: str, target: str, choose: Choose, edit: Edited | None = None
    ) -> RunId:
        ids, now_ms = (run_id, target), self.ledger.now_ms()
        accepted = await self.ledger.transact(
            run_again, self.intake, ids, choose, now_ms, edit=edit
        )
        self.act(accepted)
        return RunId(target)


def _new_id(run_id: str) -> str:
    return f"{run_id}:{new_id('again')[-12:]}"


def _only_id(run_id: str) -> str:
    """Always the same; no step that invokes has a name like it."""
    return f"{run_id}:{sha256(run_id.encode()).hexdigest()[:12]}"
