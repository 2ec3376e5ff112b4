"""Metrics: how jobs did, at once and over time, and how long their queues are."""

from datetime import timedelta
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from app.http.access import AccessDep, api_router
from app.http.engine_lists import Name
from app.wire.jobs import QueueAnswer
from app.wire.shapes import Answer, Millis
from engine.inspection import Series
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


class CauseAnswer(Answer):
    """Why runs failed: the code of the error, or else the name of its class."""

    name: str
    count: int


class BucketAnswer(Answer):
    """Runs that ended from `at` on, until the next bucket, and what was there at its end.

    `waiting` had not started, `running` had and may have slept or waited.
    """

    at: Millis
    completed: int
    failed: int
    cancelled: int
    per_minute: float = Field(description="Ends of any kind.")
    duration: SpreadAnswer | None = None
    queued: SpreadAnswer | None = None
    causes: tuple[CauseAnswer, ...]
    waiting: int
    running: int


class SeriesAnswer(Answer):
    """Buckets, oldest first; the last one is not over."""

    bucket_s: int
    buckets: tuple[BucketAnswer, ...]
    is_sample: bool = Field(description="There were more runs than were counted.")

    @classmethod
    def of(cls, series: Series, bucket_s: int) -> Self:
        """Buckets of the engine."""
        return cls(
            bucket_s=bucket_s,
            buckets=tuple(
                BucketAnswer(
                    at=each.at,
                    completed=each.completed,
                    failed=each.failed,
                    cancelled=each.cancelled,
                    per_minute=(each.completed + each.failed + each.cancelled) * 60 / bucket_s,
                    duration=each.duration and SpreadAnswer.model_validate(each.duration),
                    queued=each.queued and SpreadAnswer.model_validate(each.queued),
                    causes=tuple(map(CauseAnswer.model_validate, each.causes)),
                    waiting=each.waiting,
                    running=each.running,
                )
                for each in series.buckets
            ),
            is_sample=series.is_sample,
        )


class MetricsAnswer(Answer):
    """By job; queues for the operator only, `series` where buckets are asked for."""

    jobs: tuple[JobMetricsAnswer, ...]
    queues: tuple[QueueAnswer, ...] = ()
    series: SeriesAnswer | None = None


@router.get("/metrics", response_model_exclude_none=True)
async def get_metrics(
    access: AccessDep,
    minutes: Annotated[int, Query(ge=1, le=60 * 24 * 7, description="How far back.")] = 60,
    bucket: Annotated[
        int | None, Query(ge=1, le=86_400, description="Seconds; at most 1,000 buckets.")
    ] = None,
    job: Name = None,
) -> MetricsAnswer:
    """How the runs did that ended lately, by job and, with `bucket`, over time."""
    engine, owner = access.services.engine, access.caller.owner
    since = access.services.clock.now() - timedelta(minutes=minutes)
    series = None
    if bucket is not None:
        found = await engine.series(since, bucket_s=bucket, owner=owner, job_id=job)
        series = SeriesAnswer.of(found, bucket)
    metrics = await engine.metrics(since, owner=owner, job_id=job)
    queues = [queue for queue in await engine.queues() if job in {None, queue.job_id}]
    return MetricsAnswer(
        jobs=tuple(map(JobMetricsAnswer.of, metrics)),
        queues=tuple(map(QueueAnswer.of, queues)),
        series=series,
    )
