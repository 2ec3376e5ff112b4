"""Time as a value that is passed in, so that tests can move it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for durations."""

    def now(self) -> datetime:
        """Now, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary point; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from an arbitrary point; never goes back."""
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to; it starts at `start`."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """The instant that the clock was last moved to."""
        return self._now

    def monotonic(self) -> float:
        """Seconds moved since the start."""
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move both kinds of time forward."""
        self._now += timedelta(seconds=seconds)
        self._elapsed_s += seconds
