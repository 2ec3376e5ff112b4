"""How long to wait before another try: longer after each failure, bounded, and spread by chance."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

Chance = Callable[[], float]
"""Gives a number from 0 up to 1, each as likely: `random.random`, or what a test decides."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that begin at `first_s`, grow by `factor` and are never longer than `longest_s`.

    Chance picks each wait between `spread[0]` and `spread[1]` times its whole length, so that those
    who failed together do not come back together: (0, 1) is what is called full jitter, (0.5, 1)
    equal jitter. At the bound the waits are spread below it, as they would otherwise meet there.
    """

    first_s: float
    longest_s: float
    factor: float = 2.0
    spread: tuple[float, float] = (0.75, 1.25)

    def whole_s(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (from 1), with nothing left to chance."""
        try:
            growth = self.factor ** (failures - 1)
        except OverflowError:
            growth = sys.float_info.max
        return min(self.first_s * growth, self.longest_s)

    def wait_s(self, failures: int, chance: Chance) -> float:
        """Seconds to wait after so many failures in a row (from 1)."""
        low, high = self.spread
        whole_s = min(self.whole_s(failures), self.longest_s / max(high, 1.0))
        return whole_s * (low + (high - low) * chance())
