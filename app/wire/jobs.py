"""Jobs of the engine as JSON: what starts them, how they are held back, and how they stand."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

from pydantic import Field
from pydantic.alias_generators import to_camel

from app.wire.shapes import Answer, Millis, Success
from engine.inspection import JobInfo, QueueDepth


class QueueAnswer(Answer):
    """Runs of a job that have not ended."""

    job_id: str
    queued: int
    scheduled: int
    running: int
    oldest_queued_at: Millis | None = None

    @classmethod
    def of(cls, depth: QueueDepth) -> Self:
        """A queue of the engine."""
        return cls.model_validate(depth)


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
                    data_schema=each.schema,
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

    @classmethod
    def of(cls, jobs: Sequence[JobInfo], *, for_operator: bool) -> Self:
        """Jobs of the engine."""
        return cls(jobs=tuple(JobAnswer.of(job, for_operator=for_operator) for job in jobs))


class PauseAnswer(Success):
    """`changed` is false where the job was so already."""

    changed: bool


def _camel(flow: Mapping[str, Any]) -> dict[str, Any]:
    """The words of flow control as JSON has them."""
    return {to_camel(word): _named(given) for word, given in flow.items()}


def _named(given: Any) -> Any:
    return _camel(cast("dict[str, Any]", given)) if isinstance(given, dict) else given
