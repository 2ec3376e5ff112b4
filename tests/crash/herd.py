"""A process that holds many waiting runs: `python -m tests.crash.herd DATABASE COUNT PHASE`.

Phase "wait" sends COUNT events, says so once all their runs wait, and stays. Phase "answer" lets
all of them wait again, answers each, and says what came of it. Both say it as one line of JSON.
"""

import asyncio
import json
import resource
import sys
from collections import Counter
from time import monotonic

from engine import Engine, EventData, JobContext, job
from tests.engine.mortal import database_of

TOGETHER = 500  # events in one transaction


class Began(EventData, event="herd/began"):
    number: int


class Called(EventData, event="herd/called"):
    number: int
    word: str


@job("herd", on=Began)
async def herd(ctx: JobContext[Began]) -> list[object]:
    number = ctx.event.data.number
    called = await ctx.step.wait_for_event("call", Called, match="data.number", timeout="1d")
    return [number, None if called is None else [called.data.number, called.data.word]]


def say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def all_waiting(engine: Engine, count: int) -> None:
    """Until every run has a row to wait with, and a task here that waits."""
    live = engine._running.live  # pyright: ignore[reportPrivateUsage]
    while len(live.all()) < count or live.executing():  # noqa: ASYNC110 - nobody sets an event
        await asyncio.sleep(0.05)


async def send(engine: Engine, events: list[EventData]) -> None:
    for first in range(0, len(events), TOGETHER):
        await engine.send_many(events[first : first + TOGETHER])


async def main(address: str, count: int, phase: str) -> None:
    began = monotonic()
    engine = Engine(jobs=[herd], database=database_of(address), executor_id="herd", grace_s=1)
    async with engine:
        if phase == "wait":
            await send(engine, [Began(number=number) for number in range(count)])
            await all_waiting(engine, count)
            kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            say({"waiting_s": monotonic() - began, "rss_kib": kib})
            await asyncio.Event().wait()
        await all_waiting(engine, count)
        back_s, began = monotonic() - began, monotonic()
        half = count // 2
        await send(engine, [Called(number=n, word=f"word {n}") for n in range(half)])
        first_s, began = monotonic() - began, monotonic()
        await send(engine, [Called(number=n, word=f"word {n}") for n in range(half, count)])
        second_s = monotonic() - began
        results: Counter[str] = Counter()
        while engine.live_runs():  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.05)
        answered_s = monotonic() - began
        for run in await engine.runs(job_id="herd", limit=2 * count):
            number, called = run.result
            results["right" if called == [number, f"word {number}"] else "wrong"] += 1
        kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        figures = {"back_s": back_s, "first_s": first_s, "second_s": second_s}
        say({**figures, "answered_s": answered_s, "rss_kib": kib, **results})


async def _first_line(process: asyncio.subprocess.Process) -> dict[str, float]:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


async def survive(address: str, count: int) -> dict[str, float]:
    """Let so many runs wait, kill their process, and answer each in the next; the figures.

    "right" is how many were woken by their own event and nothing else.
    """
    figures: dict[str, float] = {}
    for phase in ("wait", "answer"):
        command = ["-m", "tests.crash.herd", address, str(count), phase]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE
        )
        try:
            figures |= await _first_line(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    return figures


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
