"""`polaris`, with a probe on its event loop: `python -m bench.probed dev …`.

Every `EVERY_S` the probe looks how late its turn came. What was late by `LATE_S` or more is a line
of the file that `BENCH_STALLS` names: when (monotonic), how late by the clock, and how long the
thread of the loop itself computed in between, all in seconds. The latter leaves out what a busy
machine does to it.
"""

import asyncio
import sys
from pathlib import Path
from time import monotonic, thread_time
from typing import IO

from app.main import main
from app.settings import own_environment

VARIABLE = "BENCH_STALLS"
EVERY_S = 0.005
LATE_S = 0.02


class Probe:
    """Looks how late it is, again and again, on the loop that runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sink: IO[str]) -> None:
        self._loop = loop
        self._sink = sink
        self._due = self._computed = 0.0
        loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._due, self._computed = monotonic() + EVERY_S, thread_time()
        self._loop.call_later(EVERY_S, self._look)

    def _look(self) -> None:
        now, computed = monotonic(), thread_time()
        late_s, busy_s = now - self._due, computed - self._computed
        if max(late_s, busy_s) >= LATE_S:
            self._sink.write(f"{now:.4f} {late_s:.4f} {busy_s:.4f}\n")
        self._due, self._computed = now + EVERY_S, computed
        self._loop.call_later(EVERY_S, self._look)


class ProbedLoops(asyncio.DefaultEventLoopPolicy):
    """Loops with a probe on each."""

    def __init__(self, sink: IO[str]) -> None:
        super().__init__()
        self._sink = sink

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """A loop, already probed."""
        loop = super().new_event_loop()
        Probe(loop, self._sink)
        return loop


if __name__ == "__main__":
    with Path(own_environment()[VARIABLE]).open("a", buffering=1) as sink:
        asyncio.set_event_loop_policy(ProbedLoops(sink))  # pyright: ignore[reportDeprecated] - until 3.16
        sys.exit(main())
