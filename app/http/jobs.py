"""Jobs: what starts them, how they are held back, and how they stand; pausing them."""

from collections.abc import Mapping
from typing import Annotated, Any, Self, cast

from fastapi import Path
from pydantic import Field
from pydantic.alias_generators import to_camel

from app.http.access import FORBIDDEN, AccessDep, api_router
from app.http.metrics import QueueAnswer
from app.wire.shapes import Answer, Millis, Success
from engine.inspection import JobInfo

router = api_router("engine")

JobPathId = Annotated[str, Path(max_length=200)]


class EventTriggerAnswer(Answer):
    """An event, or a pattern of names, that starts the job."""

    event: str
    when: str | None = Field(None, description="CEL over `event`.")
    data_schema: dict[str, Any] | None = Field(None, description="JSON Schema of its data.")


class CronTriggerAnswer(Answer):
    """A schedule that starts the job."""

    schedule: str
    zone: str
    next_at: Millis


class JobCancelAnswer(Answer):
    """An event that cancels runs of the job."""

    event: str
    match: str | None = None
    when: str | None = None
    timeout_s: float | None = None


class JobLimitAnswer(Answer):
    """How many steps or runs execute at once for each value of `key`."""

    limit: int
    key: str | None = None
    scope: str
    counts: str


class JobAnswer(Answer):
    """A job as its code says, and how it stands now.

    `flow` has the words of the engine: `throttle`, `rateLimit`, `debounce`, `batch`, `priority`,
    `singleton`, `idempotency`, `fairness`, `timeouts`; times in seconds.
    """

    job_id: str
    events: tuple[EventTriggerAnswer, ...]
    crons: tuple[CronTriggerAnswer, ...]
    cancel_on: tuple[JobCancelAnswer, ...]
    concurrency: tuple[JobLimitAnswer, ...]
    retries: int = Field(description="Of each step, after its first attempt.")
    handles_failure: bool
    flow: dict[str, Any]
    paused_at: Millis | None = None
    queue: QueueAnswer | None = Field(None, description="For the operator.")

    @classmethod
    def of(cls, job: JobInfo, *, for_operator: bool) -> Self:
        """A job of the engine."""
        definition = job.definition
        return cls(
            job_id=definition.job_id,
            events=tuple(
                EventTriggerAnswer(
                    event=each.event,
                    when=each.when,
                    data_schema=None if each.schema is None else dict(each.schema),
                )
                for each in definition.events
            ),
            crons=tuple(map(CronTriggerAnswer.model_validate, job.crons)),
            cancel_on=tuple(map(JobCancelAnswer.model_validate, definition.cancel_on)),
            concurrency=tuple(map(JobLimitAnswer.model_validate, definition.concurrency)),
            retries=definition.retries,
            handles_failure=definition.handles_failure,
            flow=_camel(definition.flow),
            paused_at=job.paused_at,
            queue=QueueAnswer.of(job.queue) if for_operator else None,
        )


class JobsAnswer(Answer):
    """All jobs, by id."""

    jobs: tuple[JobAnswer, ...]


class PauseAnswer(Success):
    """`changed` is false where the job was so already."""

    changed: bool


@router.get("/jobs", response_model_exclude_none=True)
async def list_jobs(access: AccessDep) -> JobsAnswer:
    """The jobs: triggers, flow control, retries, the next tick, and whether they are paused."""
    engine = access.services.engine
    jobs = await engine.jobs()
    return JobsAnswer(
        jobs=tuple(JobAnswer.of(job, for_operator=engine.has_operator) for job in jobs)
    )


@router.post("/jobs/{job_id}/pause", responses=FORBIDDEN)
async def pause_job(job_id: JobPathId, access: AccessDep) -> PauseAnswer:
    """Let no run of a job start any more, over restarts, until it is resumed; for the operator.

    Events are still accepted, and their runs wait. Runs that have started go on.
    """
    return PauseAnswer(changed=await access.services.engine.pause(job_id))


@router.post("/jobs/{job_id}/resume", responses=FORBIDDEN)
async def resume_job(job_id: JobPathId, access: AccessDep) -> PauseAnswer:
    """Let runs of a job start again, oldest first; for the operator only."""
    return PauseAnswer(changed=await access.services.engine.resume(job_id))


def _camel(flow: Mapping[str, Any]) -> dict[str, Any]:
    """The words of flow control as JSON has them."""
    return {to_camel(word): _named(given) for word, given in flow.items()}


def _named(given: Any) -> Any:
    return _camel(cast("dict[str, Any]", given)) if isinstance(given, dict) else given
