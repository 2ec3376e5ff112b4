"""kill -9 at every moment of a project's making, and what is left of it."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.generate_story import MENDED, REPAIR, source
from jobs.generate.plan import STEPS, VERIFY

POLL_S = 0.03
LONGEST_PAUSE_S = 0.3

Status = Mapping[str, Any]


@dataclass(frozen=True)
class Moment:
    """When the log has `count` lines that begin with `line`; "" is at once."""

    line: str = ""
    count: int = 1

    def has_come(self, status: Status) -> bool:
        """Whether the log is so far, or there will be no more of it."""
        if status["status"] != "processing" or not self.line:
            return True
        lines = [str(event["message"]) for event in status["events"]]
        return sum(line.startswith(self.line) for line in lines) >= self.count


class Mortal(Protocol):
    """A product that makes one project."""

    async def status(self) -> Status:
        """What the API says of the generation."""
        ...

    async def restart(self) -> None:
        """End it by kill -9, and start it again on the same data."""
        ...


def moments() -> tuple[Moment, ...]:
    """Forty, in order: before anything is planned, four in each step, seven while it is checked."""
    return (Moment(), *_in_steps(), *_in_checks())


def a_few() -> tuple[Moment, ...]:
    """In a tool call, and in the first check."""
    return (Moment(f"Wrote {source(2)}"), Moment(f"Starting {VERIFY}"))


def _in_steps() -> Iterator[Moment]:
    for number, step in enumerate(STEPS, start=1):
        yield Moment(f"Starting {step.name}")  # the model speaks
        yield Moment(f"Created {source(number)}")  # between two tool calls, or after them
        yield Moment(f"Wrote {source(number)}")  # a command runs
        yield Moment(f"Completed {step.name}")  # between two steps


def _in_checks() -> Iterator[Moment]:
    yield Moment(f"Starting {VERIFY}")  # the build runs
    yield Moment(f"{VERIFY} failed")
    yield Moment(f"Starting {REPAIR}")
    yield Moment(f"Wrote {MENDED}", count=2)
    yield Moment(f"Completed {REPAIR}")
    yield Moment(f"Starting {VERIFY}", count=2)
    yield Moment("npm run build: exit code 0")  # the tests run


async def killed_at(
    product: Mortal,
    when: Sequence[Moment],
    *,
    chance: random.Random,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[int, Status]:
    """Kill the product at each moment and a little later; how often, and how the making ended."""
    kills = 0
    for moment in when:
        status = await _until(product, moment.has_come)
        await asyncio.sleep(chance.uniform(0, LONGEST_PAUSE_S))
        if status["status"] != "processing":
            break
        await product.restart()
        kills += 1
        say(f"  kill {kills}: {moment.line or 'at once'} ({len(status['events'])} lines)")
    return kills, await _until(product, lambda status: status["status"] != "processing")


async def _until(product: Mortal, holds: Callable[[Status], bool]) -> Status:
    while not holds(status := await product.status()):  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    return status
