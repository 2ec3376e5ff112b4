"""Jobs: routes."""

from typing import Annotated

from fastapi import Path

from app.http.access import FORBIDDEN, AccessDep, api_router
from app.wire.jobs import JobsAnswer, PauseAnswer

router = api_router("engine")

JobPathId = Annotated[str, Path(max_length=200)]


@router.get("/jobs", response_model_exclude_none=True)
async def list_jobs(access: AccessDep) -> JobsAnswer:
    """The jobs: triggers, flow control, retries, the next tick, and whether they are paused."""
    engine = access.services.engine
    return JobsAnswer.of(await engine.jobs(), for_operator=engine.has_operator)


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
