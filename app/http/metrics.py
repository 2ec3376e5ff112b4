"""Metrics: how jobs did, and how long their queues are."""

from datetime import timedelta
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from app.http.access import AccessDep, api_router
from app.wire.shapes import Answer, Millis
from engine.inspection import QueueDepth
from engine.inspection.metrics import JobMetrics

router = api_router("engine")


class SpreadAnswer(Answer):
    """Milliseconds."""

    p50_ms: int
    p95_ms: int


class JobMetricsAnswer(Answer):
    """How a job's runs did that ended in the window."""

    job_id: str
    completed: int
    failed: int
    cancelled: int
    success_rate: float | None = Field(None, description="completed ÷ (completed + failed)")
    per_minute: float
    duration: SpreadAnswer | None = None
    queued: SpreadAnswer | None = None
    is_sample: bool = Field(description="Only the newest 20,000 ends were counted.")

    @classmethod
    def of(cls, metrics: JobMetrics) -> Self:
        """Metrics of the engine."""
        return cls.model_validate(metrics)


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


class MetricsAnswer(Answer):
    """By job; queues for the operator only."""

    jobs: tuple[JobMetricsAnswer, ...]
    queues: tuple[QueueAnswer, ...] = ()


@router.get("/metrics", response_model_exclude_none=True)
async def get_metrics(
    access: AccessDep,
    minutes: Annotated[int, Query(ge=1, le=60 * 24 * 7, description="How far back.")] = 60,
) -> MetricsAnswer:
    """How the runs did that ended lately, by job."""
    engine = access.services.engine
    since = access.services.clock.now() - timedelta(minutes=minutes)
    metrics = await engine.metrics(since, owner=access.caller.owner)
    return MetricsAnswer(
        jobs=tuple(map(JobMetricsAnswer.of, metrics)),
        queues=tuple(map(QueueAnswer.of, await engine.queues())),
    )
