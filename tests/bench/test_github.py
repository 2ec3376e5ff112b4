"""The input of the bench is the same each time, and the probe on a loop sees who holds it."""

import asyncio
import io
import time
from random import Random

from bench.github.input import BINARIES, BINARY_BYTES, LARGEST_SHARE, sizes
from bench.probed import LATE_S, ProbedLoops


def test_sizes_add_up_and_are_spread_as_in_a_repository() -> None:
    found, again = [
        sizes(Random(1), BINARIES, BINARY_BYTES)  # noqa: S311 - the same each time
        for _ in range(2)
    ]
    assert found == again
    assert (len(found), sum(found)) == (BINARIES, BINARY_BYTES)
    mean = BINARY_BYTES / BINARIES
    assert min(found) < mean / 10
    assert 2 * mean < max(found) < 2 * LARGEST_SHARE * mean


def test_a_loop_that_is_held_is_seen() -> None:
    sink = io.StringIO()
    loop = ProbedLoops(sink).new_event_loop()

    async def hold() -> None:
        await asyncio.sleep(0.05)
        ends_at = time.thread_time() + 2 * LATE_S
        while time.thread_time() < ends_at:
            pass
        await asyncio.sleep(0.05)

    try:
        loop.run_until_complete(hold())
    finally:
        loop.close()
    seen = [tuple(map(float, line.split())) for line in sink.getvalue().splitlines()]
    assert max(busy_s for _, _, busy_s in seen) >= LATE_S
    assert max(late_s for _, late_s, _ in seen) >= LATE_S
