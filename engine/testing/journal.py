"""The journal of a run in memory; see `engine.steps.journal`."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from engine.errors import RunLost
from engine.inspection.run_info import FailedTry, StepRecord, step_record
from engine.live import LiveRun
from engine.steps.journal import BODY, EndedStep, FailedAttempt, History, Recalled, Waiting
from engine.steps.waits import NewWait, WaitKey
from engine.storage import codec
from engine.testing.time import EPOCH, VirtualTime


class KeepsWaits(Protocol):
    """Where the waits of runs in memory are kept: an `Inbox`, or one with mocks before it."""

    def waiting(self, wait: NewWait, live: LiveRun) -> AbstractContextManager[Waiting]:
        """A wait of a run that executes."""
        ...

    def forget(self, key: WaitKey) -> None:
        """What came of it has been recorded."""
        ...


@dataclass(frozen=True)
class _Text:
    """A result or a failure, as a database would have it."""

    text: str

    def value(self) -> Any:
        found = codec.loads(self.text)
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class RunRecords:
    """What is kept of one run, from one execution to the next."""

    steps: dict[str, StepRecord] = field(default_factory=dict[str, StepRecord])
    """By name, in the order in which they ended."""
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    results: dict[int, _Text] = field(default_factory=dict[int, _Text])
    tries: dict[str, list[FailedTry]] = field(default_factory=dict[str, list[FailedTry]])
    next_at: dict[str, int | None] = field(default_factory=dict[str, int | None])
    last_failure: str = ""

    def tries_of(self, name: str) -> tuple[FailedTry, ...]:
        """The attempts of a step (of the body: "") that have failed."""
        return tuple(self.tries.get(name, ()))


def _instant(ms: int | None) -> datetime | None:
    return None if ms is None else EPOCH + timedelta(milliseconds=ms)


class MemoryJournal:
    """The records of a run that executes here, and is ours until it has been stopped."""

    def __init__(
        self,
        records: RunRecords,
        live: LiveRun,
        *,
        time: VirtualTime,
        waits: KeepsWaits,
        recorded: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Write to `records`; `recorded` is called with the name of each step that ends."""
        self._records = records
        self._live = live
        self._time = time
        self._waits = waits
        self._recorded = recorded

    async def history(self) -> History:
        """What earlier executions have left."""
        self._check_ours()
        known, records = History(), self._records
        known.recorded = dict(records.numbers)
        known.last = max(records.numbers.values(), default=0)
        known.failed = {
            name: (len(tries), records.next_at[name]) for name, tries in records.tries.items()
        }
        return known

    async def make_sure(self) -> None:
        """See that the run has not been stopped."""
        self._check_ours()

    async def is_ours(self) -> bool:
        """Whether the run has not been stopped."""
        return self._live.stopped is None

    async def recall(self, name: str, number: int) -> Recalled | None:  # noqa: ARG002 - by its number
        """What a step has recorded."""
        self._check_ours()
        return self._records.results.get(number)

    def stamp(self) -> int:
        """The virtual now."""
        return self._time.now_ms()

    async def record(self, step: EndedStep) -> None:
        """Record a step, through JSON as a database would."""
        self._check_ours()
        records, name = self._records, step.name
        if step.number in records.results:
            what = f"run {self._live.run_id!r} has recorded its step {step.number} already"
            raise RuntimeError(what)
        stored = codec.dumps(step.result if step.failure is None else step.failure)
        records.results[step.number] = _Text(stored)
        records.numbers[name] = step.number
        found = codec.loads(stored)
        records.steps[name] = step_record(
            name,
            found if step.failure is None else None,
            None if step.failure is None else found,
            started_at=_instant(step.started_at),
            ended_at=self._time.now(),
            failed=records.tries_of(name),
        )
        self._recorded(name)

    async def count(self, failed: FailedAttempt) -> None:
        """Note a failed attempt."""
        self._check_ours()
        records, fields = self._records, codec.error_fields(failed.failure)
        found = FailedTry(
            failed.attempt,
            fields["name"],
            fields["message"],
            self._time.now(),
            fields.get("code"),
            _instant(failed.started_at),
            _instant(failed.next_at),
        )
        records.tries.setdefault(failed.step_id, []).append(found)
        records.next_at[failed.step_id] = failed.next_at
        if failed.step_id == BODY:
            records.last_failure = codec.dumps(failed.failure)

    def working(self, step_id: str, attempt: int, started_at: int) -> AbstractContextManager[None]:  # noqa: ARG002 - nobody looks on
        """While an attempt executes."""
        return nullcontext()

    async def last_failure(self) -> Exception:
        """What the body's last attempt has failed with."""
        return codec.loads(self._records.last_failure)

    def waiting(self, wait: NewWait) -> AbstractContextManager[Waiting]:
        """A wait for what comes in the test."""
        return self._waits.waiting(wait, self._live)

    def forget_wait(self, step_id: str) -> None:
        """Nothing answers it any more."""
        self._waits.forget((self._live.run_id, step_id))

    def _check_ours(self) -> None:
        if self._live.stopped is not None:
            raise RunLost(self._live.run_id)
