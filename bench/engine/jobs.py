"""The jobs that are measured, and the marks they leave: which point was reached, and when."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, perf_counter

from bench.figures import percentile
from engine import EventData, JobContext, job


@dataclass(frozen=True)
class Mark:
    """A point that a run has reached. Monotonic seconds are the same clock in every process."""

    name: str
    run: str
    at: float
    value: float = 0.0


@dataclass(frozen=True)
class Marks:
    """Where jobs leave their marks."""

    put: Callable[[Mark], None]

    def leave(self, name: str, run: str, value: float = 0.0) -> None:
        """Leave a mark now."""
        self.put(Mark(name, run, monotonic(), value))


def print_mark(mark: Mark) -> None:
    """A mark as one line for the process that reads our output."""
    sys.stdout.write(json.dumps([mark.name, mark.run, mark.at, mark.value]) + "\n")
    sys.stdout.flush()


def read_mark(line: bytes) -> Mark:
    """The inverse of `print_mark`."""
    return Mark(*json.loads(line))


class Steps(EventData, event="bench/steps"):
    """Do this many steps, each waiting this long."""

    count: int
    wait_ms: float = 0


class Waiting(EventData, event="bench/waiting"):
    """Wait for the answer to this number."""

    number: int


class Answered(EventData, event="bench/answered"):
    """The answer."""

    number: int


class Endless(EventData, event="bench/endless"):
    """Do a step that does not end."""


class Sleeping(EventData, event="bench/sleeping"):
    """Sleep for a day."""

    number: int


@job("steps", on=Steps)
async def steps(ctx: JobContext[Steps]) -> None:
    """Mark the start of the first step, and the end with the median duration of a step in ms."""
    marks, wait_s = ctx.need(Marks), ctx.event.data.wait_ms / 1000

    async def first() -> None:
        marks.leave("first step", ctx.run_id)

    async def nothing() -> None:
        if wait_s:
            await asyncio.sleep(wait_s)

    took: list[float] = []
    await ctx.step.run("first", first)
    for number in range(1, ctx.event.data.count):
        started = perf_counter()
        await ctx.step.run(f"step-{number}", nothing)
        took.append((perf_counter() - started) * 1000)
    marks.leave("end", ctx.run_id, percentile(took or [0.0], 50))


@job("waiting", on=Waiting)
async def waiting(ctx: JobContext[Waiting]) -> None:
    """Mark the moment in which the body goes on."""
    await ctx.step.wait_for_event("answer", Answered, match="data.number")
    ctx.need(Marks).leave("resumed", ctx.run_id)


@job("endless", on=Endless)
async def endless(ctx: JobContext[Endless]) -> None:
    """Mark the moment in which the step is interrupted."""
    marks = ctx.need(Marks)

    async def step() -> None:
        marks.leave("first step", ctx.run_id)
        try:
            await asyncio.Event().wait()
        finally:
            marks.leave("interrupted", ctx.run_id)

    await ctx.step.run("endless", step)


@job("sleeping", on=Sleeping)
async def sleeping(ctx: JobContext[Sleeping]) -> None:
    """Sleep."""
    await ctx.step.sleep("night", "1d")


JOBS = [steps, waiting, endless, sleeping]
