"""When the machine's clock is set, or the machine was suspended: who sleeps looks again."""

import asyncio
import logging
from collections.abc import Callable

from core.clock import Clock

log = logging.getLogger("engine.sleepers")

LOOK_S = 1.0  # how late a sleeper hears of it
LONGEST_SLEEP_S = 86_400.0  # the loop's timers do not take a year
STEP_S = 0.5  # what a clock that is being slewed does not gain in a second


class Sleepers:
    """Sleeps that all end early when the clock has been set."""

    def __init__(self) -> None:
        self._sleeping: set[asyncio.Future[None]] = set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, at most so long."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _settle, over)
        self._sleeping.add(over)
        try:
            await over
        finally:
            timer.cancel()
            self._sleeping.discard(over)

    def end_all(self) -> None:
        """Wake every sleeper."""
        for over in list(self._sleeping):
            _settle(over)


async def watch(clock: Clock, stepped: Callable[[], None]) -> None:
    """Call `stepped` whenever wall time and monotonic time have moved apart, until cancelled."""
    apart = clock.now().timestamp() - clock.monotonic()
    while True:
        await asyncio.sleep(LOOK_S)
        before, apart = apart, clock.now().timestamp() - clock.monotonic()
        if abs(apart - before) > STEP_S:
            log.warning("clock_stepped", extra={"by_s": round(apart - before, 3)})
            stepped()


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
