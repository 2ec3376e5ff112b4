"""Runs of the engine as JSON: what happened and when.

Whoever may see a run sees the data of its event and its result, cut. Texts of errors, and what went
into steps and came out of them, are for the operator only.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import Field, TypeAdapter, ValidationError

from app.wire.events import EventData
from app.wire.shapes import Answer, Millis, Success
from core.usage import Usage
from engine import RunStatus
from engine.events import ENDS
from engine.inspection import Page, RunCounts, RunDetail, RunSummary
from engine.inspection.holds import Hold, HoldReason
from engine.inspection.timeline import EndedBy, ShownKind, StepLine, StepStatus
from engine.steps.shown import shown
from engine.storage.codec import code_of

MESSAGE_CHARS = 500


@dataclass(frozen=True)
class _Used:
    """What turns, summaries and the calls of sub-agents have recorded alike."""

    usage: Usage
    model: str | None = None


_USED = TypeAdapter(_Used)


@dataclass(frozen=True)
class _Call:
    call_id: str
    name: str


@dataclass(frozen=True)
class _Turn:
    """What a turn has recorded of the tool calls that it made."""

    number: int
    calls: tuple[_Call, ...]


_TURN = TypeAdapter(_Turn)


def _tools_called(steps: Iterable[StepLine]) -> dict[str, str]:
    """The tool of each call that turns have made, by what the ids of the call's steps end with."""
    tools: dict[str, str] = {}
    for step in steps:
        with suppress(ValidationError):
            turn = _TURN.validate_python(step.output)
            tools |= {f"{turn.number}-{call.call_id}": call.name for call in turn.calls}
    return tools


class RunErrorAnswer(Answer):
    """Why a run or step failed. The message and the stack are shown to the operator only."""

    name: str
    code: str | None = Field(None, description="A stable word for programs, where there is one.")
    message: str | None = None
    stack: str | None = Field(None, description="Where it was raised, the innermost call last.")
    step_id: str | None = None


def error_answer(error: Exception | None, *, for_operator: bool) -> RunErrorAnswer | None:
    """An error by its name, its step and, where allowed, the beginning of its text."""
    if error is None:
        return None
    return RunErrorAnswer(
        name=getattr(error, "name", type(error).__name__),
        code=code_of(error),
        message=getattr(error, "message", str(error))[:MESSAGE_CHARS] if for_operator else None,
        stack=getattr(error, "stack", None) if for_operator else None,
        step_id=getattr(error, "step_id", None),
    )


class RunAnswer(Answer):
    """A run of a job."""

    run_id: str
    job_id: str
    event_id: str
    event_name: str | None = Field(None, description="Missing once the event has been swept.")
    parent_run_id: str | None = Field(None, description="The run that invoked it.")
    status: RunStatus
    created_at: Millis
    started_at: Millis | None = None
    ended_at: Millis | None = None
    error: RunErrorAnswer | None = None

    @classmethod
    def of(cls, run: RunSummary, *, for_operator: bool) -> Self:
        """A row of a list."""
        return cls(
            run_id=run.run_id,
            job_id=run.job_id,
            event_id=run.event_id,
            event_name=run.event_name,
            parent_run_id=run.parent_run_id,
            status=run.status,
            created_at=run.created_at,
            started_at=run.started_at,
            ended_at=run.ended_at,
            error=error_answer(run.error, for_operator=for_operator),
        )


class RunPage(Answer):
    """Runs, newest first. A page may be short, even empty, and still have a `nextCursor`."""

    runs: tuple[RunAnswer, ...]
    next_cursor: str | None = None

    @classmethod
    def of(cls, page: Page[RunSummary], *, for_operator: bool) -> Self:
        """A page of the engine."""
        runs = tuple(RunAnswer.of(run, for_operator=for_operator) for run in page.items)
        return cls(runs=runs, next_cursor=page.next_cursor)


class RunCountsAnswer(Answer):
    """How many runs there are, by status."""

    total: int
    by_status: dict[RunStatus, int]
    is_sample: bool = Field(description="Only the newest were counted.")

    @classmethod
    def of(cls, counts: RunCounts) -> Self:
        """Counts of the engine."""
        return cls(
            total=sum(counts.by_status.values()),
            by_status=counts.by_status,
            is_sample=counts.is_sample,
        )


class TryAnswer(Answer):
    """One attempt of a step; without `endedAt` it works now."""

    started_at: Millis | None = None
    ended_at: Millis | None = None
    error: RunErrorAnswer | None = None


class ChildAnswer(Answer):
    """A run that a step has invoked."""

    run_id: str
    status: RunStatus


class ModelUseAnswer(Answer):
    """What a step that asked a model took: a turn, a summary, what a sub-agent did for a call."""

    model: str | None = None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float | None = Field(None, description="Missing where no price is known.")

    @classmethod
    def of(cls, output: Any) -> Self | None:
        """Out of what the step has recorded; None where that tells of no tokens."""
        try:
            used = _USED.validate_python(output)
        except ValidationError:
            return None
        return cls(model=used.model, **asdict(used.usage)) if used.usage.tokens else None


class StepAnswer(Answer):
    """A step: recorded, at work, or cut off by the end of its run (`interrupted`).

    `until` is when it will be tried again, when its sleep is over, or its wait's deadline.
    `input` and `output` are cut to be looked at, and shown to the operator only.
    """

    step_id: str
    kind: ShownKind | None = Field(
        None, description="Missing where an older version has not recorded it."
    )
    status: StepStatus
    attempts: int
    tries: tuple[TryAnswer, ...]
    started_at: Millis | None = None
    ended_at: Millis | None = None
    until: Millis | None = None
    ended_by: EndedBy | None = Field(None, description="How a wait has ended.")
    by_event_id: str | None = Field(None, description="The event that did; for the operator.")
    child: ChildAnswer | None = None
    usage: ModelUseAnswer | None = None
    tool: str | None = Field(None, description="Of a step that has to do with a tool call.")
    error: RunErrorAnswer | None = None
    input: dict[str, Any] | None = None
    output: Any = None

    @classmethod
    def of(cls, step: StepLine, *, tools: Mapping[str, str], for_operator: bool) -> Self:
        """A step of the engine; see `_tools_called`."""
        child = step.child
        return cls(
            step_id=step.step_id,
            kind=step.kind,
            status=step.status,
            attempts=len(step.tries),
            tries=tuple(
                TryAnswer(
                    started_at=one.started_at,
                    ended_at=one.ended_at,
                    error=error_answer(one.error, for_operator=for_operator),
                )
                for one in step.tries
            ),
            started_at=step.started_at,
            ended_at=step.ended_at,
            until=step.until,
            ended_by=step.ended_by,
            by_event_id=step.by_event_id if for_operator else None,
            child=None if child is None else ChildAnswer(run_id=child.run_id, status=child.status),
            usage=ModelUseAnswer.of(step.output) if step.kind == "run" else None,
            tool=tools.get(step.step_id.partition("-")[2]),
            error=error_answer(step.error, for_operator=for_operator),
            input=step.input if for_operator else None,
            output=shown(step.output) if for_operator else None,
        )


class HoldAnswer(Answer):
    """Why a run does not execute yet."""

    reason: HoldReason
    until: Millis | None = None
    keys: tuple[str, ...] | None = Field(
        None, description="The concurrency keys it has no place under; for the operator."
    )

    @classmethod
    def of(cls, hold: Hold, *, for_operator: bool) -> Self:
        """What holds a run of the engine."""
        keys = hold.keys if for_operator and hold.keys else None
        return cls(reason=hold.reason, until=hold.until, keys=keys)


class RunDetailAnswer(RunAnswer):
    """A run with its steps, in the order they were first asked for, and the runs it invoked.

    `result` is cut to be looked at; `worker` is shown to the operator only.
    """

    steps: tuple[StepAnswer, ...]
    children: tuple[str, ...]
    hold: HoldAnswer | None = None
    repeats: str | None = Field(None, description="The run that this one repeats.")
    worker: str | None = Field(None, description="The process that executes it, or did last.")
    event: EventData | None = Field(
        None,
        description="Missing once it has been swept; of a run that handles a failure for "
        "the operator only.",
    )
    result: Any = None

    @classmethod
    def of_detail(cls, run: RunDetail, *, for_operator: bool) -> Self:
        """A run of the engine."""
        info, hold = run.info, run.hold
        tools = _tools_called(run.time_line)
        return cls(
            run_id=info.run_id,
            job_id=info.job_id,
            event_id=info.event_id,
            event_name=None if run.event is None else run.event.name,
            parent_run_id=run.parent_run_id,
            status=info.status,
            created_at=info.created_at,
            started_at=info.started_at,
            ended_at=info.ended_at,
            error=error_answer(info.error, for_operator=for_operator),
            steps=tuple(
                StepAnswer.of(step, tools=tools, for_operator=for_operator)
                for step in run.time_line
            ),
            children=run.children,
            hold=None if hold is None else HoldAnswer.of(hold, for_operator=for_operator),
            repeats=run.repeats,
            worker=run.worker if for_operator else None,
            event=_event(run, for_operator=for_operator),
            result=shown(info.result),
        )


def _event(run: RunDetail, *, for_operator: bool) -> EventData | None:
    """What started a run; the end of another tells the text of its error, the operator only."""
    if run.event is None or (run.event.name in ENDS and not for_operator):
        return None
    return EventData.of(run.event)


class RunCancelledAnswer(Success):
    """`cancelled` is false when the run had ended before."""

    cancelled: bool


class RunReplayed(Success):
    """The new run, which takes over what the old one had done."""

    run_id: str
