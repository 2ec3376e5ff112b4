"""Virtual time: stands still while a step executes, jumps when everything sleeps or waits."""

import asyncio
import heapq
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUIET_PASSES = 50  # of the loop: what a step's end sets off (a group ends, a body goes on) is done


class VirtualTime:
    """A clock, and the timers that move it; in whole microseconds, so that nothing is rounded."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._passed_us = 0
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._dropped: set[int] = set()
        self._made = 0
        self._executing = 0
        self._touched = asyncio.Event()
        self._happened = 0

    def now(self) -> datetime:
        """The virtual now."""
        return self._start + timedelta(microseconds=self._passed_us)

    def now_ms(self) -> int:
        """The virtual now in ms since the epoch."""
        return (self.now() - EPOCH) // timedelta(milliseconds=1)

    def monotonic(self) -> float:
        """Virtual seconds since the start."""
        return self._passed_us / 1_000_000

    @contextmanager
    def busy(self) -> Generator[None]:
        """Stand still while something real executes."""
        self._executing += 1
        self.touch()
        try:
            yield
        finally:
            self._executing -= 1
            self.touch()

    def touch(self) -> None:
        """Something happened: look again whether everything is quiet."""
        self._happened += 1
        self._touched.set()

    def after(self, seconds: float, act: Callable[[], None]) -> int:
        """Call `act` that much later; the number is for `drop`."""
        self._made += 1
        at_us = self._passed_us + round(seconds * 1_000_000)
        heapq.heappush(self._timers, (at_us, self._made, act))
        self.touch()
        return self._made

    def drop(self, timer: int) -> None:
        """Forget a timer, so that time does not move for it."""
        self._dropped.add(timer)

    async def sleep(self, seconds: float) -> None:
        """Until that much later; no real time passes."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.after(seconds, lambda: settle(over, None))
        try:
            await over
        finally:
            self.drop(timer)

    async def drive(self, stuck: Callable[[], None]) -> None:
        """Move time until cancelled; `stuck` hears of it when everything is quiet for ever."""
        while True:
            await self._quiet()
            if not self._jump():
                stuck()
                self._touched.clear()

    async def _quiet(self) -> None:
        passes = 0
        while passes < QUIET_PASSES:
            if self._executing or not self._touched.is_set():
                self._touched.clear()
                await self._touched.wait()
            before = self._happened
            await asyncio.sleep(0)
            passes = passes + 1 if before == self._happened and not self._executing else 0

    def _jump(self) -> bool:
        """Go to the next timer."""
        while self._timers:
            at_us, number, act = heapq.heappop(self._timers)
            if number in self._dropped:
                self._dropped.discard(number)
                continue
            self._passed_us = max(at_us, self._passed_us)
            self.touch()
            act()
            return True
        return False


def settle(future: asyncio.Future[T], value: T) -> None:
    """Give a future its value, unless it is over already."""
    if not future.done():
        future.set_result(value)
