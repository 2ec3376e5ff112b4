"""Token buckets: the port, and those of one process."""

from typing import Protocol

from core.clock import Clock

MOST_BUCKETS = 50_000  # then full ones are forgotten, and if that is not enough, the oldest


class Buckets(Protocol):
    """One bucket for each key; it is full at first, and holds `size` tokens."""

    async def take(self, key: str, *, size: int, every_s: float) -> float:
        """Take a token, of which a new one comes every `every_s`; 0 when there was one.

        Else the seconds until there is one, and none is taken.
        """
        ...


class MemoryBuckets:
    """Those of one process.

    A bucket is the time at which it is full (GCRA): one number tells how many tokens are in it.
    """

    def __init__(self, clock: Clock, *, most: int = MOST_BUCKETS) -> None:
        self._clock = clock
        self._most = most
        self._full_at_s: dict[str, float] = {}

    async def take(self, key: str, *, size: int, every_s: float) -> float:
        """See `Buckets.take`."""
        now_s = self._clock.monotonic()
        full_at_s = max(self._full_at_s.get(key, now_s), now_s) + every_s
        wait_s = full_at_s - now_s - size * every_s
        if wait_s > every_s * 1e-6:  # sums of fractions are not exact
            return wait_s
        if key not in self._full_at_s and len(self._full_at_s) >= self._most:
            self._forget(now_s)
        self._full_at_s[key] = full_at_s
        return 0.0

    def _forget(self, now_s: float) -> None:
        self._full_at_s = {key: at_s for key, at_s in self._full_at_s.items() if at_s > now_s}
        while len(self._full_at_s) >= self._most:
            del self._full_at_s[next(iter(self._full_at_s))]
