"""Whom a committed transaction concerns in this process, and whom what other processes tell."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from engine.control.end_hooks import EndHooks
from engine.control.lifetime import Lifetime
from engine.intake.intake import Accepted
from engine.live import LiveRuns
from engine.steps.sleep import Sleepers
from engine.steps.slots import Slots
from engine.steps.waits import Waits
from engine.storage.notices import Notice, publish
from engine.storage.transactions import Ledger
from engine.workers.dispatcher import Dispatcher

TELL_ENDED_S = 0.005  # ends of runs are told to other processes together


@dataclass(frozen=True)
class Wakes:
    """Wakes runs, waits, and the dispatcher when something has happened to them."""

    queues: Collection[str]
    live: LiveRuns
    slots: Slots
    waits: Waits
    sleepers: Sleepers
    dispatcher: Dispatcher
    end_hooks: EndHooks
    now_ms: Callable[[], int]

    def act(self, accepted: Accepted) -> None:
        """Wake what a committed transaction concerns."""
        for run_id in accepted.cancelled:
            self._stop_cancelled(run_id)
        self.end_hooks.cancelled(accepted.cancelled)
        self.slots.wake(accepted.granted)
        self.waits.wake(accepted.woken)
        self.dispatcher.kick(accepted.queues)
        for at_ms in accepted.delayed_until_ms:
            self.dispatcher.kick_at((at_ms - self.now_ms()) / 1000)

    def hear(self, notice: Notice) -> None:
        """Look at what another process has told us of."""
        for run_id in notice.cancelled:
            self._stop_cancelled(run_id)
        for run_id in notice.ended:
            self.live.stopped_elsewhere(run_id)
        self.slots.wake(notice.places)
        self.waits.wake(notice.woken)
        self.dispatcher.kick(self.queues if notice.everything else notice.queues)
        if notice.everything or notice.pauses_changed:
            self.dispatcher.pauses_changed()

    def clock_stepped(self) -> None:
        """The clock has been set: whoever waits for a time looks at it again."""
        self.sleepers.end_all()
        self.waits.wake_all()
        self.dispatcher.kick_at(0)

    def _stop_cancelled(self, run_id: str) -> None:
        self.live.cancel(run_id)
        self.live.wake(run_id)


class EndNotices:
    """Tells the other processes which runs have ended here."""

    def __init__(self, executor_id: str, *, ledger: Ledger, lifetime: Lifetime) -> None:
        self._executor_id = executor_id
        self._ledger = ledger
        self._lifetime = lifetime
        self._ended: list[str] = []

    def add(self, run_id: str) -> None:
        """This one has; it is told in a moment, with others."""
        if not self._ended:
            asyncio.get_running_loop().call_later(TELL_ENDED_S, self._tell)
        self._ended.append(run_id)

    def _tell(self) -> None:
        ended, self._ended = self._ended, []
        if not self._lifetime.is_ending:
            notice = Notice(self._executor_id, ended=tuple(ended))
            self._lifetime.spawn(self._ledger.transact(publish, notice))
