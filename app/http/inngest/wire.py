"""Events and runs in Inngest's words: what goes in and comes out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine import RunStatus
from engine.inspection import RunDetail

RUN_STATUS: Mapping[RunStatus, str] = {
    "scheduled": "Scheduled",
    "queued": "Queued",
    "running": "Running",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


class GivenEvent(BaseModel):
    """An event as their SDKs send it; fields that we do not know are theirs to add."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    data: dict[str, Any] = Field(default_factory=dict)
    id: str | None = Field(None, min_length=1, max_length=200)


class SentEvents(BaseModel):
    """The ids by which `GET /v1/events/{id}/runs` finds what the events started."""

    ids: list[str]
    status: int = 200


class RunAnswer(BaseModel):
    """A run."""

    run_id: str
    event_id: str
    function_id: str
    run_started_at: datetime
    ended_at: datetime | None
    status: str
    output: Any

    @classmethod
    def of(cls, run: RunDetail) -> "RunAnswer":
        """A run of the engine."""
        info = run.info
        output = info.result
        if info.error is not None:
            output = {
                "name": getattr(info.error, "name", type(info.error).__name__),
                "message": getattr(info.error, "message", "The run failed"),
            }
        return cls(
            run_id=info.run_id,
            event_id=info.event_id,
            function_id=info.job_id,
            run_started_at=(info.started_at or info.created_at).astimezone(UTC),
            ended_at=info.ended_at,
            status=RUN_STATUS[info.status],
            output=output,
        )


class RunsAnswer(BaseModel):
    """The runs of an event, oldest first."""

    data: list[RunAnswer]


class OneRunAnswer(BaseModel):
    """One run."""

    data: RunAnswer


class NewCancellation(BaseModel):
    """Runs to cancel: of one function, made in a span of time, where an expression holds."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    app_id: str = Field(min_length=1, max_length=200)
    function_id: str = Field(min_length=1, max_length=200)
    started_after: datetime | None = None
    started_before: datetime
    if_: str | None = Field(None, alias="if", min_length=1, max_length=1_000)


class CancellationAnswer(BaseModel):
    """What was asked for, and its id."""

    id: str
    environment_id: Literal["polaris"] = "polaris"
    function_id: str
    started_after: datetime | None
    started_before: datetime
    if_: str | None = Field(None, serialization_alias="if")
    cancelled: int = Field(description="Runs that were cancelled: beside Inngest's own fields.")
