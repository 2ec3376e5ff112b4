"""From the start of an engine to its end: whether it may be used, and what nobody awaits."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from engine.errors import EngineNotRunning

log = logging.getLogger("engine")


class Lifetime:
    """One start of an engine. It is running, then ending, then over."""

    def __init__(self, tasks: asyncio.TaskGroup, passes: Callable[[BaseException], bool]) -> None:
        """`tasks` is entered before anything is spawned; see `Ledger.passes` for the other."""
        self._tasks = tasks
        self._passes = passes
        self._spawned: set[asyncio.Task[None]] = set()
        self._is_over = False
        self.is_ending = False
        """Whether callers are refused: what runs gets its grace time, and nothing new begins."""

    def check(self) -> None:
        """Raise EngineNotRunning from the beginning of the end on."""
        if self.is_ending:
            raise EngineNotRunning

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this in a task that nobody awaits; what goes wrong with it is logged."""
        if self._is_over:
            work.close()  # a step that ignored its interruption has come back after the end
            return
        task = self._tasks.create_task(self._guarded(work))
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # the rim of what nobody awaits
            if not self._passes(error):
                log.exception("background_work_failed")

    async def end(self, timeout_s: float) -> None:
        """Spawn nothing more; what is not done within this time is cancelled."""
        self._is_over = True
        if self._spawned:
            _, waiting = await asyncio.wait(self._spawned, timeout=timeout_s)
            for task in waiting:
                task.cancel()
