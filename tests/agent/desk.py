"""One run on a memory workspace, with everything a test wants to look at afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar, cast

from agent.durable import Child, Durable, NotDurable
from agent.loop import Agent, Limits, run_agent
from agent.outcome import Outcome, close_answer
from agent.prompt import SYSTEM_PROMPT
from agent.sink import RecordingSink
from agent.transcript import Asked, MemoryTranscript, Past, Steer
from core.clock import ManualClock, SystemClock
from core.ids import MessageId
from llm.model import Model
from tools.files import FILE_TOOLS
from tools.registry import Toolbox
from tools.workspace.memory import MemoryWorkspace

T = TypeVar("T")

Mishap = Literal["none", "cancel", "crash", "error"]


class Journal:
    """Steps as a durable engine has them: results survive, and it can die around any step."""

    def __init__(self, alive: NotDurable | None = None) -> None:
        self._alive = alive or NotDurable()
        self.results: dict[str, Any] = {}
        self.ran: list[str] = []
        self.die_before: str | None = None
        self.die_after: str | None = None
        self.clock = ManualClock(datetime(2026, 1, 1, 12, 0, 0, 500_000, UTC))

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        if key in self.results:
            return cast("T", self.results[key])
        if key == self.die_before:
            raise Died(key)
        self.ran.append(key)
        result = await fn()
        if key == self.die_after:
            raise Died(key)
        self.results[key] = result
        return result

    async def sleep_until(self, key: str, at: datetime, /) -> None:
        async def wake_time() -> datetime:
            return at

        until = await self.run(key, wake_time)
        self.clock.advance(max(0.0, (until - self.clock.now()).total_seconds()))

    async def wait_for_signal(
        self,
        key: str,
        signal: str,
        /,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's shape
    ) -> Any:
        return await self.run(
            key, lambda: self._alive.wait_for_signal(key, signal, timeout=timeout)
        )

    async def wait_for_event(
        self,
        key: str,
        event: str,
        /,
        *,
        match: str | None = None,
        when: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's shape
    ) -> Any:
        async def wait() -> Any:
            return await self._alive.wait_for_event(
                key, event, match=match, when=when, timeout=timeout
            )

        return await self.run(key, wait)

    async def invoke(self, key: str, child: Child[T], data: Mapping[str, Any], /) -> T:
        return await self.run(key, lambda: self._alive.invoke(key, child, data))


class Died(BaseException):
    """The process is gone: nobody may catch this."""


class Interrupting(Journal):
    """Dies or is cancelled at its step `at`, half of the time after the step has done its work.

    The person says something before every second step.
    """

    def __init__(self, mishap: Mishap, at: int, said: list[Steer]) -> None:
        super().__init__()
        self._said = said
        self._mishap = mishap
        self._at = at
        self._count = 0

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        is_hit = key not in self.results and self._count == self._at
        self._count += key not in self.results
        if key not in self.results and self._count % 2 == self._at % 2:
            self._said.append(Steer(MessageId(f"said-{self._count}"), "And this."))
        if is_hit and self._mishap in {"crash", "cancel"}:
            if self._at % 2:
                await fn()
            raise Died(key) if self._mishap == "crash" else asyncio.CancelledError
        return await super().run(key, fn)


@dataclass
class Desk:
    """What outlives a process: workspace, transcript, what people saw."""

    model: Model
    past: Sequence[Past] = (Asked("Please do it."),)
    files: dict[str, str | bytes] = field(default_factory=dict[str, str | bytes])
    limits: Limits = field(default_factory=Limits)
    toolbox: Toolbox = field(default_factory=lambda: Toolbox(FILE_TOOLS))

    def __post_init__(self) -> None:
        self.workspace = MemoryWorkspace(self.files)
        self.transcript = MemoryTranscript(self.past, workspace=self.workspace)
        self.sink = RecordingSink()
        self.pauses: list[float] = []

    async def run(self, steps: Durable | None = None) -> Outcome:
        """A process takes the run up, with a session that has seen nothing."""

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        agent = Agent(
            model=self.model,
            toolbox=self.toolbox,
            system=SYSTEM_PROMPT,
            limits=self.limits,
            cache_key="desk",
            pause=pause,
            clock=steps.clock if isinstance(steps, Journal) else SystemClock(),
        )
        return await run_agent(
            agent,
            transcript=self.transcript,
            sink=self.sink,
            steps=steps or NotDurable(),
        )

    async def text(self, outcome: Outcome) -> str:
        return await close_answer(self.transcript, self.sink, outcome)
