"""Events that the engine's tests send, and a notebook that jobs write into."""

import asyncio
from dataclasses import dataclass, field

from engine import Engine, EventData, RetryPolicy

QUICK = RetryPolicy(max_attempts=3, min_timeout=0.01, max_timeout=0.05)


class Asked(EventData, event="test/asked"):
    question_id: str = "q1"
    text: str = ""


class Withdrawn(EventData, event="test/withdrawn"):
    question_id: str


@dataclass
class Notes:
    """What happened, in order; given to jobs with `provide`."""

    lines: list[str] = field(default_factory=list[str])

    def write(self, line: str) -> None:
        self.lines.append(line)


async def until_waiting(engine: Engine, run_id: str, timeout_s: float = 5.0) -> None:
    """Wait until the run has told the database what it waits for."""
    async with asyncio.timeout(timeout_s):
        while not await engine.is_waiting(run_id):  # noqa: ASYNC110 - a row, not an event
            await asyncio.sleep(0.005)
