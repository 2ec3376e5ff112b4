"""The time that runs go by: what it is now, and sleeping until it is later."""

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Protocol

from engine.steps.sleep import Sleepers
from engine.storage.transactions import Ledger


class Time(Protocol):
    """A clock that can be slept by."""

    def now(self) -> datetime:
        """Now, aware and in UTC."""
        ...

    def now_ms(self) -> int:
        """Now, in ms since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary point; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep, at most so long: less where the clock is set meanwhile."""
        ...

    def busy(self) -> AbstractContextManager[None]:
        """Around a job's own code, which takes real time: a virtual one does not pass by it."""
        ...


class ClockTime:
    """The time of an engine's clock, by which its ledger goes, too."""

    def __init__(self, ledger: Ledger, sleepers: Sleepers) -> None:
        self._ledger = ledger
        self._sleepers = sleepers

    def now(self) -> datetime:
        """The clock's now."""
        return self._ledger.now()

    def now_ms(self) -> int:
        """The clock's now as ms since the epoch."""
        return self._ledger.now_ms()

    def monotonic(self) -> float:
        """The clock's seconds from an arbitrary point."""
        return self._ledger.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the loop, until the clock is set."""
        await self._sleepers.sleep(seconds)

    def busy(self) -> AbstractContextManager[None]:
        """Nothing: the clock goes on."""
        return nullcontext()
