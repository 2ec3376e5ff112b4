"""What the loop asks of durability, and the small results that are kept for it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter

from agent.person import RequestId
from core.clock import Clock, SystemClock
from core.ids import ToolCallId
from llm.model import StopReason, Usage

T = TypeVar("T")
R = TypeVar("R")


class Child(Protocol[R]):
    """What a run can invoke and wait for: a job, seen by its id."""

    @property
    def id(self) -> str:
        """Its name, the same in all processes."""
        ...

    @property
    def result(self) -> TypeAdapter[R]:
        """What its result is read back as."""
        ...


class Durable(Protocol):
    """What outlives a process: `ctx.step` of a job, or a stand-in in a test.

    Each key is used for one thing in a run. Whatever has ended gives the same result when the body
    is played again, here or in another process.
    """

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        """Run `fn` unless `key` has a result; that result comes back then.

        The result is a small dataclass. If `fn` raises, it may be run again, here or in another
        process.
        """
        ...

    async def sleep_until(self, key: str, at: datetime, /) -> None:
        """Sleep until an aware time; a process that dies meanwhile does not start it over."""
        ...

    async def wait_for_signal(
        self,
        key: str,
        signal: str,
        /,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> Any:
        """Wait for an answer of a person: an approval, what they say to a question.

        What was sent with the signal, or None after `timeout` seconds. One run waits for a signal.
        """
        ...

    async def wait_for_event(
        self,
        key: str,
        event: str,
        /,
        *,
        match: str | None = None,
        when: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> Any:
        """Wait for an event; None when `timeout` seconds have passed first.

        `match` is a path that holds the same value in the run's own event and in this one, `when` a
        CEL expression over `async`, this one. An event that came before the wait counts too.
        """
        ...

    async def invoke(self, key: str, child: Child[R], data: Mapping[str, Any], /) -> R:
        """Run another job for this one, as a sub-agent, and return its result.

        Cancelling this run cancels it too. A child that fails raises what the engine makes of it.
        """
        ...


@dataclass(frozen=True)
class CallRef:
    """One tool call of a turn: which it is and what it touches, not what it carries."""

    call_id: ToolCallId
    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    is_task: bool = False  # a sub-agent does it, in steps `task-<n>-<call_id>` and `invoke-…`
    may_ask: bool = False  # the person is to be asked before, in a step `ask-<n>-<call_id>`


@dataclass(frozen=True)
class AskRef:
    """The result of a step `ask-<n>-<call_id>`: what was asked, and how long it is waited for.

    Without an id nothing had to be asked; without a wait it was answered before.
    """

    request_id: RequestId | None = None
    wait_s: float = 0.0


@dataclass(frozen=True)
class TurnRef:
    """The result of a step `turn-<n>`; the turn itself is in the transcript.

    `text_chars` counts the prose; `calls` are those to run, `dropped_calls` names the tools of the
    others. `announces`: it says that something is about to be done, and calls nothing.
    `is_shortened`: the model was not told all of the conversation. `is_steered`: the person has
    said something meanwhile, which the next turn is to be told.
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
    is_steered: bool = False


@dataclass(frozen=True)
class AskAgain:
    """The result of a step `turn-<n>` whose model may not be asked before `until`."""

    until: datetime
    wait_s: float


@dataclass(frozen=True)
class CondenseFirst:
    """The result of a step `turn-<n>` that was not begun: the conversation is to be condensed."""

    condense_before: int


@dataclass(frozen=True)
class CondensedRef:
    """The result of a step `condense-<n>`; `is_done`: there is a summary, in the transcript."""

    is_done: bool
    usage: Usage


@dataclass(frozen=True)
class ToolRef:
    """The result of a step `tool-<n>-<call_id>`; the output itself is in the transcript.

    `signature` is equal for two calls with the same name, arguments and result; `failure` for two
    with the same name and error, whatever the arguments, and "" for one that succeeded. `usage` is
    what a sub-agent took for it. `seen` are
    the file hashes that this call learned ("" for a file that it removed): what `Seen` gets back
    when the run continues in another process.
    """

    call_id: ToolCallId
    is_error: bool
    signature: str
    seen: dict[str, str] = field(default_factory=dict[str, str])
    failure: str = ""
    usage: Usage = Usage()  # noqa: RUF009 - frozen


class NotDurable:
    """No durability: each key is asked for once in the life of the process.

    Args:
        clock: what `sleep_until` goes by.
        children: what `invoke` runs, by the id of the child.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        children: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any]]] | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._children = children or {}
        self._signals: dict[str, asyncio.Future[Any]] = {}
        self._sent: list[tuple[str, Mapping[str, Any]]] = []
        self._came = asyncio.Condition()

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:  # noqa: ARG002 - the port's shape
        """Run `fn`."""
        return await fn()

    async def sleep_until(self, key: str, at: datetime, /) -> None:  # noqa: ARG002 - as above
        """Sleep in this process."""
        await asyncio.sleep(max(0.0, (at - self._clock.now()).total_seconds()))

    async def wait_for_signal(
        self,
        key: str,  # noqa: ARG002 - as above
        signal: str,
        /,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's shape
    ) -> Any:
        """Wait for `send_signal` in this process."""
        if signal in self._signals:
            raise ValueError(f"something waits for the signal {signal!r} already")
        answer = self._signals[signal] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._signals[signal]

    def send_signal(self, signal: str, data: Any) -> bool:
        """Answer what waits for the signal; whether something did."""
        waiting = self._signals.get(signal)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(data)
        return True

    async def wait_for_event(
        self,
        key: str,  # noqa: ARG002 - as above
        event: str,
        /,
        *,
        match: str | None = None,  # noqa: ARG002 - there is one run
        when: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's shape
    ) -> Any:
        """Wait for `send_event` in this process; one fits if `when` names a value of its data."""

        def found() -> Mapping[str, Any] | None:
            for name, data in self._sent:
                if name == event and (when is None or _names_one(when, data)):
                    return data
            return None

        try:
            async with asyncio.timeout(timeout), self._came:
                return await self._came.wait_for(found)
        except TimeoutError:
            return None

    async def send_event(self, event: str, data: Mapping[str, Any]) -> None:
        """Send one, for waits that there are and for those that begin later."""
        async with self._came:
            self._sent.append((event, data))
            self._came.notify_all()

    async def invoke(self, key: str, child: Child[R], data: Mapping[str, Any], /) -> R:  # noqa: ARG002 - as above
        """Run the child in this process."""
        result = await self._children[child.id](data)
        return child.result.validate_python(result)


def _names_one(when: str, data: Mapping[str, Any]) -> bool:
    return any(json.dumps(value) in when for value in data.values())
