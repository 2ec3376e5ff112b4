"""The port to what is kept of a run, so that another execution goes on where one has ended.

Its adapters are `engine.steps.dbos_journal` and, for tests of jobs, `engine.testing.journal`; both
pass `tests/engine/steps/test_journal.py`.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from engine.steps.waits import NewWait

BODY = ""  # the step id under which attempts of the body itself are counted

Answer = dict[str, Any]
"""What ends a wait, as JSON: an event, or `{"signal": data}`."""


class Recalled(Protocol):
    """The outcome of a step that has ended before."""

    def value(self) -> Any:
        """What it returned; raises what it raised."""
        ...


class History:
    """What earlier executions of a run have left behind: recorded steps and failed attempts."""

    def __init__(self) -> None:
        self.recorded: dict[str, int] = {}
        """The number of each step."""
        self.results: dict[str, Recalled] = {}
        """Those that need not be asked for, each until a replay has taken it."""
        self.failed: dict[str, tuple[int, int | None]] = {}
        """How often each step has failed, and when its next attempt starts, if there is one."""
        self.last = 0
        """The greatest number of a step."""


@dataclass(frozen=True, slots=True)
class EndedStep:
    """A step that has ended, to be recorded; `started_at` is a `Journal.stamp`."""

    name: str
    number: int
    result: Any
    failure: Exception | None
    started_at: int


@dataclass(frozen=True)
class FailedAttempt:
    """An attempt that failed; `next_at` is when the next one starts, None when it was the last."""

    run_id: str
    step_id: str
    attempt: int
    failure: Exception
    next_at: int | None
    started_at: int | None = None
    """A `Journal.stamp`; None for the body."""


class Waiting(Protocol):
    """A wait of a run."""

    async def open(self) -> Answer | None:
        """Start it, or find the one that an earlier execution has started.

        Returns an answer that is there already.

        Raises:
            NonRetriable: another run waits for the same signal.
            RunLost: the run is not ours any more.
        """
        ...

    async def answer(self) -> Answer | None:
        """Wait, once it is open, until it is answered; None when it is late."""
        ...


class Journal(Protocol):
    """The records of a run, as one execution of it reads and writes them.

    What is raised as RunLost unwinds as a cancel does, and nothing has been written then: the run
    has been cancelled, or another process has it.
    """

    async def history(self) -> History:
        """What earlier executions have left. Raises: RunLost."""
        ...

    async def make_sure(self) -> None:
        """See that the run is ours, unless that is known from a moment ago. Raises: RunLost."""
        ...

    async def is_ours(self) -> bool:
        """Whether it is, by a look that is made now."""
        ...

    async def recall(self, name: str, number: int) -> Recalled | None:
        """What a step has recorded; None where it was interrupted. Raises: RunLost."""
        ...

    def stamp(self) -> int:
        """The time as records have it, in ms since the epoch."""
        ...

    async def record(self, step: EndedStep) -> None:
        """Record a step that ends now.

        Raises:
            RunLost: see above.
            RuntimeError: another step has been recorded under its number.
        """
        ...

    async def count(self, failed: FailedAttempt) -> None:
        """Record that an attempt has failed and another will follow. Raises: RunLost."""
        ...

    def working(self, step_id: str, attempt: int, started_at: int) -> AbstractContextManager[None]:
        """While an attempt executes; `started_at` is a `stamp`."""
        ...

    async def last_failure(self) -> Exception:
        """What the body's last attempt has failed with, where none is to follow."""
        ...

    def waiting(self, wait: NewWait) -> AbstractContextManager[Waiting]:
        """A wait, which takes answers while this is entered."""
        ...

    def forget_wait(self, step_id: str) -> None:
        """The answer has been recorded: what else is kept of this wait may go."""
        ...
