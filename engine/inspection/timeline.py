"""The steps of a run on its time line: what was recorded, what works now, and what was cut off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from core.ids import RunId
from engine.inspection.run_info import FailedTry, RunInfo, StepRecord, instant
from engine.inspection.waits import OpenWait
from engine.middleware import StepKind
from engine.status import RunStatus
from engine.storage import codec

ShownKind = StepKind | Literal["race"]
StepStatus = Literal[
    "running", "retrying", "sleeping", "waiting", "completed", "failed", "interrupted"
]
EndedBy = Literal["event", "signal", "timeout"]


@dataclass(frozen=True)
class Try:
    """One attempt of a step; `ended_at` is None of one that works now."""

    started_at: datetime | None
    ended_at: datetime | None
    error: Exception | None


@dataclass(frozen=True)
class StepLine:
    """A step as it stands on the time line of its run.

    `until`: of a sleep its end, of an open wait its deadline, of a step that will be tried again
    the time of that. `ended_by` says how a wait ended. An `interrupted` one had begun when its run
    ended: by a cancel, or as a branch that lost.
    """

    step_id: str
    kind: ShownKind | None
    """None where old code has stored a wait that was late, or a result that may be of any."""
    status: StepStatus
    tries: tuple[Try, ...]
    started_at: datetime | None
    ended_at: datetime | None = None
    until: datetime | None = None
    ended_by: EndedBy | None = None
    by_event_id: str | None = None
    """The event that ended the wait."""
    child: "Child | None" = None
    error: Exception | None = None
    input: dict[str, Any] | None = None
    output: Any = None


@dataclass(frozen=True)
class Child:
    """A run that a step has invoked."""

    run_id: RunId
    status: RunStatus
    created_at: datetime


@dataclass(frozen=True)
class Begun:
    """A note of an attempt that has begun; see `engine.steps.working`."""

    step_id: str
    attempt: int
    kind: str
    started_at: datetime
    until: datetime | None


@dataclass(frozen=True)
class Found:
    """All that is stored of the steps of a run."""

    steps: Sequence[StepRecord]
    failed: Mapping[str, Sequence[FailedTry]]
    begun: Sequence[Begun]
    waits: Sequence[OpenWait]
    children: Mapping[str, Child]
    """By the step that invoked it."""


def time_line(run: RunInfo, found: Found, now: datetime) -> tuple[StepLine, ...]:
    """The steps in the order in which they were first asked for, those not recorded last."""
    recorded = {step.step_id for step in found.steps}
    lines = [
        _recorded(step, run, found.begun, found.children.get(step.step_id), now)
        for step in found.steps
    ]
    open_lines = {
        step_id: _trying(step_id, tries, run, now)
        for step_id, tries in found.failed.items()
        if step_id not in recorded and not (run.has_ended and not step_id)
    }
    for note in sorted(found.begun, key=lambda each: each.attempt):
        if note.step_id not in recorded:
            open_lines[note.step_id] = _begun(note, open_lines.get(note.step_id))
    for wait in found.waits:
        if wait.step_id not in recorded:  # its row is deleted some time after
            open_lines[wait.step_id] = _waiting(wait)
    for step_id, child in found.children.items():
        if step_id not in recorded:
            open_lines[step_id] = _invoking(step_id, child)
    rest = (_cut_off(line, run) if run.has_ended else line for line in open_lines.values())
    return (*lines, *sorted(rest, key=_begins))


def _begins(line: StepLine) -> float:
    return 0.0 if line.started_at is None else line.started_at.timestamp()


def _recorded(
    step: StepRecord, run: RunInfo, begun: Sequence[Begun], child: Child | None, now: datetime
) -> StepLine:
    kind = _kind(step, child)
    tries = _tries(step, begun)
    line = StepLine(
        step_id=step.step_id,
        kind=kind,
        status="completed" if step.error is None else "failed",
        tries=tries,
        started_at=tries[0].started_at or step.started_at,
        ended_at=step.ended_at,
        child=child,
        error=step.error,
        input=step.input,
        output=step.result,
    )
    if step.error is not None:
        return line
    match kind:
        case "sleep":
            return _sleeping(line, run, now)
        case "wait_for_event":
            answer: Any = step.result
            if answer is None:
                return replace(line, ended_by="timeout")
            return replace(line, ended_by="event", by_event_id=answer["id"])
        case "wait_for_signal":
            return replace(line, ended_by="timeout" if step.result is None else "signal")
        case _:
            return line


def _kind(step: StepRecord, child: Child | None) -> Any:
    """What is recorded, or what the bare result of old code tells."""
    if child is not None or step.kind is not None:
        return step.kind or "invoke"
    match step.result:
        case {"signal": _, **rest} if not rest:
            return "wait_for_signal"
        case {"id": str(), "name": str(), "ts": int()}:
            return "wait_for_event"
        case int(at) if at > 10**12:  # a race remembers a small number
            return "sleep"
        case [{"event_id": _}, *_]:
            return "send_event"
        case _:
            return None


def _tries(step: StepRecord, begun: Sequence[Begun]) -> tuple[Try, ...]:
    failed = [_failed_try(each) for each in step.failed]
    started_at = step.started_at
    if failed:
        last = len(failed)
        noted = [n.started_at for n in begun if (n.step_id, n.attempt) == (step.step_id, last)]
        started_at = noted[0] if noted else step.failed[-1].next_at
        first = failed[0]
        failed[0] = replace(first, started_at=first.started_at or step.started_at)
    return (*failed, Try(started_at, step.ended_at, step.error))


def _failed_try(failed: FailedTry) -> Try:
    error = codec.StoredError(
        failed.error_name, failed.error_message, code=failed.error_code, stack=failed.error_stack
    )
    return Try(failed.started_at, failed.failed_at, error)


def _sleeping(line: StepLine, run: RunInfo, now: datetime) -> StepLine:
    """The record of a sleep is made as it begins, and holds its end."""
    until = instant(line.output)
    over_at = run.ended_at if run.ended_at is not None else now
    if until is None or until <= over_at:
        ended_at = max(filter(None, (until, line.ended_at)), default=None)
        tries = (Try(line.started_at, ended_at, None),)
        return replace(line, until=until, ended_at=ended_at, tries=tries, output=None)
    status: StepStatus = "interrupted" if run.has_ended else "sleeping"
    tries = (Try(line.started_at, run.ended_at, None),)
    return replace(
        line, until=until, ended_at=run.ended_at, status=status, tries=tries, output=None
    )


def _trying(step_id: str, failed: Sequence[FailedTry], run: RunInfo, now: datetime) -> StepLine:
    last = failed[-1]
    is_due = last.next_at is not None and last.next_at <= now
    tries = tuple(map(_failed_try, failed))
    return StepLine(
        step_id=step_id,
        kind="run" if step_id else None,
        status="running" if is_due and not run.has_ended and step_id else "retrying",
        tries=tries,
        started_at=tries[0].started_at,
        until=None if is_due else last.next_at,
        error=tries[-1].error,
    )


def _begun(note: Begun, line: StepLine | None) -> StepLine:
    """A step of which an attempt has begun, after those that have failed."""
    failed = () if line is None else line.tries
    kind: Any = note.kind
    if note.attempt < len(failed):
        assert line is not None  # noqa: S101 - it has tries
        return line
    return StepLine(
        step_id=note.step_id,
        kind=kind,
        status="running" if kind == "run" else "waiting",
        tries=(*failed, Try(note.started_at, None, None)),
        started_at=note.started_at if line is None else line.started_at or note.started_at,
        until=note.until,
        error=None if line is None else line.error,
    )


def _waiting(wait: OpenWait) -> StepLine:
    return StepLine(
        step_id=wait.step_id,
        kind="wait_for_event" if wait.signal is None else "wait_for_signal",
        status="waiting",
        tries=(Try(wait.opened_at, None, None),),
        started_at=wait.opened_at,
        until=wait.deadline,
    )


def _invoking(step_id: str, child: Child) -> StepLine:
    tries = (Try(child.created_at, None, None),)
    return StepLine(step_id, "invoke", "running", tries, child.created_at, child=child)


def _cut_off(line: StepLine, run: RunInfo) -> StepLine:
    """A step that had begun and was not recorded when its run ended."""
    *before, last = line.tries
    if last.ended_at is None:
        last = replace(last, ended_at=run.ended_at)
    return replace(
        line, status="interrupted", tries=(*before, last), ended_at=run.ended_at, until=None
    )
