"""Runs of the engine as JSON: what happened and when.

Texts of errors, and what went into steps and came out of them, are for the operator only, cut.
"""

from typing import Any, Literal, Self

from pydantic import Field

from app.wire.shapes import Answer, Millis, Success
from engine import RunStatus
from engine.inspection import Page, RunDetail, RunSummary
from engine.inspection.run_info import RunInfo
from engine.steps.shown import shown
from engine.storage.codec import code_of

MESSAGE_CHARS = 500


class RunErrorAnswer(Answer):
    """Why a run or step failed. The message is shown to the operator only."""

    name: str
    code: str | None = Field(None, description="A stable word for programs, where there is one.")
    message: str | None = None
    step_id: str | None = None


def error_answer(error: Exception | None, *, for_operator: bool) -> RunErrorAnswer | None:
    """An error by its name, its step and, where allowed, the beginning of its text."""
    if error is None:
        return None
    return RunErrorAnswer(
        name=getattr(error, "name", type(error).__name__),
        code=code_of(error),
        message=getattr(error, "message", str(error))[:MESSAGE_CHARS] if for_operator else None,
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


class StepAnswer(Answer):
    """A step: recorded, about to be tried again, or waiting until `until` for an event.

    `input` and `output` are cut to be looked at, and shown to the operator only.
    """

    step_id: str
    status: Literal["completed", "failed", "retrying", "waiting"]
    attempts: int
    started_at: Millis | None = None
    ended_at: Millis | None = None
    until: Millis | None = None
    error: RunErrorAnswer | None = None
    input: dict[str, Any] | None = None
    output: Any = None


class RunDetailAnswer(RunAnswer):
    """A run with its steps, in the order they were first asked for, and the runs it invoked."""

    steps: tuple[StepAnswer, ...]
    children: tuple[str, ...]

    @classmethod
    def of_detail(cls, run: RunDetail, *, for_operator: bool) -> Self:
        """A run of the engine."""
        info: RunInfo = run.info
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
            steps=tuple(_steps(run, for_operator=for_operator)),
            children=run.children,
        )


def _steps(run: RunDetail, *, for_operator: bool) -> list[StepAnswer]:
    steps = [
        StepAnswer(
            step_id=step.step_id,
            status="completed" if step.error is None else "failed",
            attempts=step.attempts,
            started_at=step.started_at,
            ended_at=step.ended_at,
            error=error_answer(step.error, for_operator=for_operator),
            input=step.input if for_operator else None,
            output=shown(step.result) if for_operator else None,
        )
        for step in run.steps
    ]
    for step in run.retrying:
        last = step.failed[-1]
        message = last.error_message[:MESSAGE_CHARS] if for_operator else None
        error = RunErrorAnswer(name=last.error_name, code=last.error_code, message=message)
        steps.append(
            StepAnswer(
                step_id=step.step_id, status="retrying", attempts=len(step.failed), error=error
            )
        )
    steps += [
        StepAnswer(step_id=wait.step_id, status="waiting", attempts=1, until=wait.deadline)
        for wait in run.waits
    ]
    return steps


class RunCancelledAnswer(Success):
    """`cancelled` is false when the run had ended before."""

    cancelled: bool


class RunReplayed(Success):
    """The new run, which takes over what the old one had done."""

    run_id: str
