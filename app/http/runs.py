"""Runs: routes. Everybody sees those that their own events caused."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from app.http.access import CONFLICT, FORBIDDEN, AccessDep, api_router
from app.http.engine_lists import Name, PageSize, WindowDep
from app.http.parameters import Cursor
from app.wire.runs import RunCancelledAnswer, RunDetailAnswer, RunPage, RunReplayed
from app.wire.shapes import Answer
from engine import RunStatus
from engine.inspection import RunFilter

router = api_router("engine")

RunPathId = Annotated[str, Path(max_length=400)]


class RealtimeToken(Answer):
    """What follows a run or a project's runs, for as long as the subscription lasts."""

    channel: str
    token: str = Field(description="For `GET /api/realtime?token=…`, within a minute.")


@router.get("/runs", response_model_exclude_none=True)
async def list_runs(  # noqa: PLR0913, PLR0917 - one for each thing to filter by
    access: AccessDep,
    window: WindowDep,
    job: Name = None,
    status: RunStatus | None = None,
    limit: PageSize = 50,
    cursor: Cursor = None,
) -> RunPage:
    """Runs, newest first.

    Where a status or a field is asked for, a page looks at no more than 5,000 runs: it may then be
    short, and `nextCursor` goes on.
    """
    engine = access.services.engine
    which = RunFilter(
        job_id=job, status=status, since=window.since, until=window.until, field=window.field
    )
    page = await engine.runs(which, owner=access.caller.owner, limit=limit, cursor=cursor)
    return RunPage.of(page, for_operator=engine.has_operator)


@router.get("/runs/{run_id:path}", response_model_exclude_none=True)
async def get_run(run_id: RunPathId, access: AccessDep) -> RunDetailAnswer:
    """A run with its steps."""
    engine = access.services.engine
    run = await engine.run(run_id, owner=access.caller.owner)
    return RunDetailAnswer.of_detail(run, for_operator=engine.has_operator)


@router.post("/runs/{run_id:path}/cancel", response_model_exclude_none=True)
async def cancel_run(run_id: RunPathId, access: AccessDep) -> RunCancelledAnswer:
    """Cancel a run and those it invoked; of one that answers a message, the answer too."""
    cancelled = await access.services.engine.cancel(run_id, owner=access.caller.owner)
    return RunCancelledAnswer(cancelled=cancelled)


@router.post("/runs/{run_id:path}/realtime")
async def follow_run(run_id: RunPathId, access: AccessDep) -> RealtimeToken:
    """A token for `GET /api/realtime`, on the channel `run:{runId}`; it expires after a minute."""
    channel, token = await access.services.engine.realtime_token(run_id, owner=access.caller.owner)
    return RealtimeToken(channel=channel, token=token)


@router.post(
    "/runs/{run_id:path}/replay",
    status_code=201,
    response_model_exclude_none=True,
    responses=FORBIDDEN | CONFLICT,
)
async def replay_run(run_id: RunPathId, access: AccessDep) -> RunReplayed:
    """Repeat a failed or cancelled run from where it failed, as a new run; for the operator only.

    An answer that has ended stays as it is: people retry messages, not runs.
    """
    return RunReplayed(run_id=await access.services.engine.replay(run_id))
