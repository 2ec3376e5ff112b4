"""What a started engine consists of, for the modules that each bring one subject of its API."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from core.clock import Clock
from engine.control.end_hooks import EndHooks
from engine.errors import EngineNotRunning
from engine.intake.accepted import Accepted
from engine.intake.intake import Intake
from engine.job import Job
from engine.live import LiveRuns
from engine.steps.journal import History
from engine.steps.slots import Slots
from engine.storage.database import Database
from engine.storage.outage import Outage
from engine.storage.transactions import Ledger
from engine.workers.dispatcher import Dispatcher
from engine.workers.outside import RunOutside


class Running:
    """The parts of an engine; `Engine` makes them when it starts."""

    executor_id: str
    _clock: Clock
    _database: Database
    _dispatcher: Dispatcher
    _end_hooks: EndHooks
    _outside: RunOutside
    _exit: AsyncExitStack | None = None
    _histories: dict[str, History]
    _intake: Intake
    _jobs: Mapping[str, Job[Any, Any]]
    _ledger: Ledger
    _live: LiveRuns
    _outage: Outage
    _reader: Ledger
    _slots: Slots

    def _check_running(self) -> None:
        if self._exit is None:
            raise EngineNotRunning("the engine is not running; use it inside `async with engine`")

    def _stop_cancelled(self, run_id: str) -> None:
        self._live.cancel(run_id)
        self._live.wake(run_id)

    def _act(self, accepted: Accepted) -> None:
        """Wake what a committed transaction concerns."""
        for run_id in accepted.cancelled:
            self._stop_cancelled(run_id)
        self._end_hooks.cancelled(accepted.cancelled)
        self._slots.wake(accepted.granted)
        self._outside.waits.wake(accepted.woken)
        self._dispatcher.kick(accepted.queues)
        for at_ms in accepted.delayed_until_ms:
            self._dispatcher.kick_at((at_ms - self._ledger.now_ms()) / 1000)
