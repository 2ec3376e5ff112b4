"""What a rehearsal has instead of the world: recorded bytes, results, answers of people."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import TypeAdapter

from agent.durable import Child, Durable, ToolRef
from agent.means import Budget
from agent.person import Grants, Request, RequestId, Standing
from agent.sub_agents import Report, Task, TaskEnd, TaskId, TaskRef
from core.clock import ManualClock
from engine.results import as_stored, read_back, result_adapter
from jobs.recording.lines import without_secrets
from jobs.recording.recording import Exchange, Recording
from jobs.recording.taping import ABOUT
from jobs.rehearsal.differences import Differs, NotRehearsable, RecordingOver, need_same
from jobs.rehearsal.going_on import GoingOn
from llm.wire import Response, Sent

T = TypeVar("T")
R = TypeVar("R")

_OF_THE_LOOP = ("turn-", "tool-", "ask-", "condense-")
_BY_CHANCE = (
    "seen",
    "signature",
    "failure",
    "until",
    "wait_s",
)  # hashes of masked texts, and times
_OK = 200
_NOBODY = RequestId("nobody is there to be asked")


def is_of_loop(key: str) -> bool:
    """Whether a step is one of the agent's loop, which a rehearsal runs."""
    return key.startswith(_OF_THE_LOOP)


class ProcessGone(Exception):
    """Here the process of the run ended; another one took it up."""


class Rehearsal:
    """One rehearsal: the recording, and whether it was left (`is_live`) to go on without it.

    `scratch` is an empty folder of its own.
    """

    def __init__(
        self, recording: Recording, scratch: Path, going_on: GoingOn | None = None
    ) -> None:
        self.recording = recording
        self.scratch = scratch
        self.going_on = going_on
        self.is_live = False
        self.clock = ManualClock(recording.begun.at)

    def over(self, instead: str) -> NoReturn:
        """The recording does not say what comes now.

        Raises:
            RecordingOver: the run was stopped, or recorded no further.
            Differs: it had ended by itself, so `instead` is what only today's code does.
        """
        if self.recording.ended is None:
            raise RecordingOver
        raise Differs(instead)


class RehearsedWire:
    """Answers requests with the bytes that were recorded, in order."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal
        self.made = 0

    @property
    def left(self) -> int:
        """How many requests of the recording have not been made."""
        return len(self._rehearsal.recording.exchanges) - self.made

    def through(
        self,
        sent: Sent,
        send: Callable[[], AbstractAsyncContextManager[Response]],  # noqa: ARG002 - nothing is sent
    ) -> AbstractAsyncContextManager[Response]:
        """See `llm.wire.Wire`."""
        return self._through(sent)

    @asynccontextmanager
    async def _through(self, sent: Sent) -> AsyncGenerator[Response]:
        what = f"request {self.made + 1}"
        if not self.left:
            self._rehearsal.over(f"{what} was not made: the run had ended before it")
        exchange = self._rehearsal.recording.exchanges[self.made]
        self.made += 1
        need_same(f"the model of {what}", exchange.asked.model, sent.model)
        need_same(what, exchange.body, without_secrets(dict(sent.body)))
        answering = exchange.answering
        if answering is None:
            self._broken(exchange)
        if answering.status != _OK and not exchange.chunks:
            raise sent.status_error(answering.status, answering.headers, answering.body)
        yield _Recorded(exchange, partial(self._broken, exchange))

    def _broken(self, exchange: Exchange) -> NoReturn:
        """The answer went no further: for the run to take up, or because it was stopped there."""
        if not self.left:
            self._rehearsal.over("the answer to the last request is not whole")
        if self._rehearsal.recording.exchanges[self.made].process > exchange.process:
            raise ProcessGone
        raise ConnectionResetError("the recorded connection broke here")


class _Recorded:
    """A response that comes as it came."""

    def __init__(self, exchange: Exchange, broken: Callable[[], NoReturn]) -> None:
        answering = exchange.answering
        self.status_code = _OK if answering is None else answering.status
        self.headers: Mapping[str, str] = {} if answering is None else answering.headers
        self._exchange = exchange
        self._broken = broken

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body in its chunks."""
        for chunk in self._exchange.chunks:
            yield chunk
        if self._exchange.how != "whole":
            self._broken()


class RehearsedSteps:
    """Steps of the loop run, and have to come to what they came to; others give what they gave."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal
        self._done: dict[str, Any] = {}
        self._failed = {key: list(each) for key, each in rehearsal.recording.failed.items()}

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        """As `Durable.run`."""
        if self._rehearsal.going_on is not None and key == self._rehearsal.going_on.step:
            self._rehearsal.is_live = True
        if self._rehearsal.is_live:
            return await fn()
        adapter = result_adapter(fn)
        if not is_of_loop(key):
            return read_back(adapter, self._recorded(key))
        if key not in self._done:
            self._done[key] = await self._run(key, fn, adapter)
        return self._done[key]

    async def _run(self, key: str, fn: Callable[[], Awaitable[T]], adapter: TypeAdapter[Any]) -> T:
        while True:
            try:
                result = await fn()
            except (Differs, RecordingOver, ProcessGone, NotRehearsable):
                raise
            except Exception as error:  # noqa: BLE001 - whatever fails a step, as the engine has it
                self._fails(key, error)
                continue
            if key not in self._rehearsal.recording.steps:
                self._rehearsal.over(f"the step {key} was not taken")
            then = _settled(self._rehearsal.recording.steps[key])
            now = without_secrets(as_stored(adapter, result, by_alias=False))
            need_same(f"the result of {key}", then, _settled(now))
            if isinstance(result, ToolRef):  # what it learned of files, which it does not now
                return read_back(adapter, self._rehearsal.recording.steps[key])
            return result

    def _fails(self, key: str, error: Exception) -> None:
        """The step is tried again, if it was then. Raises: RecordingOver, Differs."""
        failed = self._failed.get(key)
        if not failed:
            raise Differs(f"{key} fails today: {type(error).__name__}: {error}") from error
        need_same(f"the failure of {key}", failed.pop(0), type(error).__name__)
        if not failed and key not in self._rehearsal.recording.steps:
            raise RecordingOver

    def _recorded(self, key: str) -> Any:
        if self._rehearsal.is_live:
            return None
        if key not in self._rehearsal.recording.steps:
            self._rehearsal.over(f"the step {key} was not taken")
        return self._rehearsal.recording.steps[key]

    async def sleep_until(self, key: str, at: datetime, /) -> None:  # noqa: ARG002 - the port's shape
        """The clock is set."""
        left = (at - self._rehearsal.clock.now()).total_seconds()
        self._rehearsal.clock.advance(max(0.0, left))

    async def wait_for_signal(
        self,
        key: str,
        signal: str,  # noqa: ARG002 - the port's shape
        /,
        *,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - as above
    ) -> Any:
        """What came then."""
        return self._recorded(key)

    async def wait_for_event(
        self,
        key: str,
        event: str,  # noqa: ARG002 - the port's shape
        /,
        *,
        match: str | None = None,  # noqa: ARG002 - as above
        when: str | None = None,  # noqa: ARG002 - as above
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - as above
    ) -> Any:
        """What came then."""
        return self._recorded(key)

    async def invoke(self, key: str, child: Child[R], data: Mapping[str, Any], /) -> R:  # noqa: ARG002 - as above
        """What the child came to."""
        return child.result.validate_python(self._recorded(key))


def _settled(result: Any) -> Any:
    """Without what chance and time decide."""
    if not isinstance(result, dict):
        return result
    return {name: value for name, value in result.items() if name not in _BY_CHANCE}  # pyright: ignore[reportUnknownVariableType]


class RehearsedPerson:
    """Says what was said."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal
        self._granted = list(rehearsal.recording.granted)

    async def ask(self, request: Request) -> Standing:
        """As `Person.ask`."""
        if self._rehearsal.is_live:
            return Standing(_NOBODY, "expired", request.until)
        found = self._rehearsal.recording.stood.get(("ask", request.call_id))
        if found is None:
            self._rehearsal.over(f"nobody was asked about the call {request.call_id}")
        now = without_secrets(ABOUT.dump_python(request.about, mode="json"))
        need_same(f"what is asked about the call {request.call_id}", found.about, now)
        return found.standing

    async def settle(self, request_id: RequestId) -> Standing:
        """As `Person.settle`."""
        if request_id == _NOBODY:
            return Standing(_NOBODY, "expired", self._rehearsal.clock.now())
        found = self._rehearsal.recording.stood.get(("settle", request_id))
        if found is None:
            self._rehearsal.over(f"the request {request_id} was not settled")
        return found.standing

    async def grants(self) -> Grants:
        """As `Person.grants`."""
        return self._granted.pop(0) if self._granted else Grants()


class NobodyElse:
    """Who works for a run that is rehearsed: nobody."""

    async def open(self, task: Task) -> TaskId:  # noqa: ARG002 - the port's shape
        """As `SubAgents.open`. Raises: NotRehearsable."""
        raise NotRehearsable("the run hands work to sub-agents, whose runs are not recorded")

    async def run(
        self,
        steps: Durable,  # noqa: ARG002 - as above
        key: str,  # noqa: ARG002
        task: TaskRef,  # noqa: ARG002
        *,
        budgets: Sequence[Budget],  # noqa: ARG002
    ) -> TaskEnd:
        """As `SubAgents.run`: nothing was opened."""
        return TaskEnd()

    async def report(self, task_id: TaskId, end: TaskEnd) -> Report:  # noqa: ARG002 - as above
        """As `SubAgents.report`: nothing was opened. Raises: NotRehearsable."""
        raise NotRehearsable("the run hands work to sub-agents, whose runs are not recorded")
