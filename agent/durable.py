"""What the loop asks of durability, and the small results that are kept for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from core.clock import Clock, SystemClock
from core.ids import ToolCallId
from llm.model import StopReason, Usage

T = TypeVar("T")


class Durable(Protocol):
    """`ctx.step` of a job, or a stand-in in a test. Each key is used for one thing in a run."""

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        """Run `fn` unless `key` has a result; that result comes back then.

        The result is a small dataclass. If `fn` raises, it may be run again, here or in another
        process.
        """
        ...

    async def sleep_until(self, key: str, at: datetime, /) -> None:
        """Sleep until an aware time; a process that dies meanwhile does not start it over."""
        ...


@dataclass(frozen=True)
class CallRef:
    """One tool call of a turn: which it is and what it touches, not what it carries."""

    call_id: ToolCallId
    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class TurnRef:
    """The result of a step `turn-<n>`; the turn itself is in the transcript.

    `text_chars` counts the prose; `calls` are those to run, `dropped_calls` names the tools of the
    others. `announces`: it says that something is about to be done, and calls nothing.
    `is_shortened`: the model was not told all of the conversation.
    """

    number: int
    stop_reason: StopReason
    model: str
    usage: Usage
    text_chars: int
    calls: tuple[CallRef, ...] = ()
    dropped_calls: tuple[str, ...] = ()
    announces: bool = False
    is_shortened: bool = False


@dataclass(frozen=True)
class AskAgain:
    """The result of a step `turn-<n>` whose model may not be asked before `until`."""

    until: datetime
    wait_s: float


@dataclass(frozen=True)
class ToolRef:
    """The result of a step `tool-<n>-<call_id>`; the output itself is in the transcript.

    `signature` is equal for two calls with the same name, arguments and result; `failure` for two
    with the same name and error, whatever the arguments, and "" for one that succeeded. `seen` are
    the file hashes that this call learned ("" for a file that it removed): what `Session.seen` gets
    back when the run continues in another process.
    """

    call_id: ToolCallId
    is_error: bool
    signature: str
    seen: dict[str, str] = field(default_factory=dict[str, str])
    failure: str = ""


class NotDurable:
    """No durability: each key is asked for once in the life of the process."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:  # noqa: ARG002 - the port's shape
        """Run `fn`."""
        return await fn()

    async def sleep_until(self, key: str, at: datetime, /) -> None:  # noqa: ARG002 - as above
        """Sleep in this process."""
        await asyncio.sleep(max(0.0, (at - self._clock.now()).total_seconds()))
