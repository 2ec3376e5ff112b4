"""Fair turns: how many runs of one key a process executes, so that no key can fill it."""

import heapq
from collections.abc import Iterable, Mapping, Sequence

NO_KEY = "-"
"""Of a run whose event does not say whose it is: it only needs room. No JSON is written so."""

SHARE = 4
"""A key may hold this many times the room it leaves. One alone takes four fifths of a process, two
take four ninths each, and whoever comes next finds room at once. It is the dynamic threshold by
which switches share a buffer between ports of unknown number (Choudhury and Hahne, 1998)."""


class Turns:
    """What may start in a process that executes `held` runs of each key and has `room` for more."""

    def __init__(self, held: Mapping[str, int], room: int, last: str = "") -> None:
        self._held = dict(held)
        self._room = room
        self.last = last
        """The key that was served last: the next one begins behind it."""

    def may_start(self, key: str) -> bool:
        """Whether one more run of this key leaves room for others; a first one always may."""
        held = self._held.get(key, 0)
        if self._room <= 0 or key == NO_KEY or held == 0:
            return self._room > 0
        return held < SHARE * (self._room - 1)

    def start(self, key: str, count: int = 1) -> None:
        """Runs of this key have been taken."""
        self._room -= count
        self._held[key] = self._held.get(key, 0) + count
        self.last = key

    def all_may_start(self, keys: Iterable[str]) -> bool:
        """Whether runs of these keys, one entry for each run, may all start together."""
        trial = self._copy()
        for key in keys:
            if not trial.may_start(key):
                return False
            trial.start(key)
        return True

    def allot(self, keys: Sequence[str], limit: int) -> dict[str, int]:
        """Divide up to `limit` starts over keys that each have many runs to start.

        The next start goes to the key that holds the fewest, the first of `keys` among equals.
        """
        trial = self._copy()
        heap = [(self._held.get(key, 0), number, key) for number, key in enumerate(keys)]
        heapq.heapify(heap)
        allotted: dict[str, int] = {}
        while heap and limit > 0:
            held, number, key = heapq.heappop(heap)
            if trial.may_start(key):
                trial.start(key)
                limit -= 1
                allotted[key] = allotted.get(key, 0) + 1
                heapq.heappush(heap, (held + 1, number, key))
        return allotted

    def _copy(self) -> "Turns":
        return Turns(self._held, self._room, self.last)
