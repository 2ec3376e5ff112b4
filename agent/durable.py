"""What the loop asks of durability: a function runs once per key, and its small result is kept."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from core.ids import ToolCallId
from llm.model import StopReason, Usage

T = TypeVar("T")


class Once(Protocol):
    """`ctx.step.run` of a job, or a plain call in a test.

    The result is a small dataclass; when the key is known already, the result kept for it comes
    back and `fn` does not run. If `fn` raises, it may be run again, here or in another process.
    """

    async def __call__(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        """Run `fn` unless `key` has a result."""
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

    `text_chars` counts the prose; `dropped_calls` names tools whose calls were cut off.
    """

    number: int
    stop_reason: StopReason
    model: str
    usage: Usage
    text_chars: int
    calls: tuple[CallRef, ...] = ()
    dropped_calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class ToolRef:
    """The result of a step `tool-<n>-<call_id>`; the output itself is in the transcript.

    `signature` is equal for two calls with the same name, arguments and result. `seen` are the
    file hashes that this call learned ("" for a file that it removed): what `Session.seen` gets
    back when the run continues in another process.
    """

    call_id: ToolCallId
    is_error: bool
    signature: str
    seen: dict[str, str] = field(default_factory=dict[str, str])


async def plain_once(key: str, fn: Callable[[], Awaitable[T]], /) -> T:  # noqa: ARG001 - the port's shape
    """No durability: each key is asked for once in the life of the process."""
    return await fn()
