"""The steps of a run under test: the engine's own, remembered in memory, in virtual time."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter

from engine.current import current_step
from engine.events import WireEvent
from engine.inspection.run_info import FailedTry, StepRecord, step_record
from engine.middleware import StepCall
from engine.steps.durable import Recalled, RunState
from engine.steps.history import FailedAttempt, History
from engine.steps.steps import Steps
from engine.steps.waits import NewWait
from engine.storage import codec
from engine.testing.world import NO_MOCK, World

R = TypeVar("R")


@dataclass(frozen=True)
class _Recalled:
    record: StepRecord

    def value(self) -> Any:
        if self.record.error is not None:
            raise self.record.error
        return self.record.result


class VirtualSteps(Steps):
    """`ctx.step` without a database. Only what reaches outside the run differs."""

    def __init__(
        self,
        run: RunState,
        world: World,
        *,
        cause: WireEvent,
        recorded: Callable[[str, StepRecord], None],
    ) -> None:
        super().__init__(run, History(), outside=world, cause=cause)
        self.records: dict[str, StepRecord] = {}
        self._world = world
        self._recorded = recorded
        self._failed: dict[str, list[FailedTry]] = {}
        self._starting = ""

    def tries(self, name: str) -> tuple[FailedTry, ...]:
        """The attempts of a step (of the body: "") that were followed by another."""
        return tuple(self._failed.get(name, ()))

    def busy(self) -> AbstractContextManager[None]:
        """Virtual time stands still while a body computes in a thread."""
        return self._world.time.standing_still()

    def _name(self, step_id: str) -> str:
        name = super()._name(step_id)
        self._world.named(self._run_id, name, step_id)
        return name

    async def _recall(self, name: str, number: int) -> Recalled | None:  # noqa: ARG002 - as below
        known = self.records.get(name)
        return None if known is None else _Recalled(known)

    async def _record(self, name: str, number: int, body: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ARG002 - the name says enough here
        self._starting = name
        started_at = self._ledger.now()
        result, failure = None, None
        try:
            # Through JSON, as a database would have it.
            result = codec.loads(codec.dumps(await body()))
        except Exception as error:  # noqa: BLE001 - recorded, and raised below
            failure = error
        record = step_record(
            name,
            result,
            None if failure is None else codec.loads(codec.dumps(failure)),
            started_at=started_at,
            ended_at=self._ledger.now(),
            failed=self.tries(name),
        )
        self.records[name] = record
        self._recorded(name, record)
        if failure is not None:
            raise failure
        return result

    async def _attempts(
        self, call: StepCall, fn: Callable[[StepCall], Awaitable[R]], adapter: TypeAdapter[R]
    ) -> Any:
        mock = self._world.mock(self._run_id, call.step_id)

        async def play(_: StepCall) -> R:
            step = current_step()
            assert step is not None  # noqa: S101 - an attempt is inside its step
            return await self._world.mocked_output(mock, step, adapter)

        return await super()._attempts(call, fn if mock is NO_MOCK else play, adapter)

    async def _attempt(
        self, call: StepCall, fn: Callable[[StepCall], Awaitable[R]], adapter: TypeAdapter[R]
    ) -> Any:
        with self._world.time.standing_still():
            return await super()._attempt(call, fn, adapter)

    async def _count(self, failed: FailedAttempt, now_ms: int) -> None:  # noqa: ARG002 - exact below
        fields = codec.error_fields(failed.failure)
        found = FailedTry(
            failed.attempt,
            fields["name"],
            fields["message"],
            self._ledger.now(),
            fields.get("code"),
        )
        self._failed.setdefault(failed.step_id, []).append(found)

    async def pause(self, seconds: float) -> None:
        """Sleep in virtual time."""
        if seconds > 0:
            self.check_running()
            await self._world.time.sleep(seconds)

    async def _sleep(self, step_id: str, until_ms: Callable[[], int], at_most_s: float) -> None:
        def until() -> int:
            mock = self._world.mock(self._run_id, self._starting)
            return until_ms() if mock is NO_MOCK else self._ledger.now_ms()

        await super()._sleep(step_id, until, at_most_s)

    async def _answer(self, wait: NewWait) -> dict[str, Any] | None:
        self._world.refuse_second_waiter(wait)
        return await self._world.answer_to(wait)
