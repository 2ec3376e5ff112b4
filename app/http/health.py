"""Health: for orchestrators (live, ready) and for people."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.http.access import ServicesDep

router = APIRouter(tags=["health"])


class Live(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class PartHealth(BaseModel):
    """How one part answered; `problem` is the kind of error."""

    status: Literal["ok", "down"]
    took_ms: float
    problem: str | None = None


class Ready(BaseModel):
    """Whether requests can be served, part by part."""

    status: Literal["ok", "degraded"]
    timestamp: datetime
    parts: dict[str, PartHealth]


@router.get("/health/live")
async def live() -> Live:
    """The process runs; says nothing of what is behind it."""
    return Live()


@router.get("/health/ready", response_model_exclude_none=True, responses={503: {"model": Ready}})
@router.get("/api/health", response_model_exclude_none=True, responses={503: {"model": Ready}})
async def ready(services: ServicesDep, response: Response) -> Ready:
    """Whether the store and the engine answer; 503 when one does not."""
    report = await services.health.report()
    parts = {
        name: PartHealth(
            status="down" if result.problem else "ok",
            took_ms=result.took_ms,
            problem=result.problem,
        )
        for name, result in report.items()
    }
    is_fit = all(part.status == "ok" for part in parts.values())
    response.status_code = 200 if is_fit else 503
    return Ready(
        status="ok" if is_fit else "degraded",
        timestamp=services.health.clock.now(),
        parts=parts,
    )
