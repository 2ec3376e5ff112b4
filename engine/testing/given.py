"""What a test is written with, beside mocks: what comes to a run, and tests that cannot be."""

from dataclasses import dataclass
from typing import Any

from engine.duration import Duration
from engine.outgoing import Sendable


class BadTest(Exception):
    """The test asks for what cannot be: raised by the test engine, never seen by the job."""


@dataclass(frozen=True)
class Signal:
    """What `send_signal(name, data)` would bring."""

    name: str
    data: Any = None


@dataclass(frozen=True)
class After:
    """Something that comes a while after the start, whether or not the run waits for it then."""

    delay: Duration
    comes: Sendable | Signal


Coming = Sendable | Signal | After
"""Without After: kept for the first wait that it fits."""
