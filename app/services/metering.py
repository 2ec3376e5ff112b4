"""What small calls of the API took of models: counted beside them, never on their way."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from core.ids import OwnerId, ProjectId
from core.usage import Usage
from store.usage import UsageRows

log = logging.getLogger(__name__)

WAITING = 1_000  # calls that are not counted yet; those beyond are not counted at all


@dataclass(frozen=True)
class _Taken:
    owner: OwnerId
    project_id: ProjectId | None
    model: str
    usage: Usage


class Metering:
    """Counts what was taken while `run` goes on; what waits when the process ends is lost."""

    def __init__(self, rows: UsageRows) -> None:
        self._rows = rows
        self._waiting: deque[_Taken] = deque()
        self._came = asyncio.Event()

    async def spend(
        self, model: str, usage: Usage, *, owner: OwnerId, project_id: ProjectId | None = None
    ) -> None:
        """Have it counted, soon."""
        if len(self._waiting) >= WAITING:
            log.warning("usage_not_counted", extra={"model": model, "why": "too many wait"})
            return
        self._waiting.append(_Taken(owner, project_id, model, usage))
        self._came.set()

    async def run(self) -> None:
        """Count what waits, until this is cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                each = self._waiting.popleft()
                await self._rows.count(
                    each.model, each.usage, owner=each.owner, project_id=each.project_id
                )
