"""Runs: routes. Everybody sees those that their own events caused."""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from app.http.access import CONFLICT, FORBIDDEN, AccessDep, api_router
from app.http.engine_lists import PageSize, WhichRunsDep
from app.http.parameters import Cursor
from app.wire.runs import (
    RunCancelledAnswer,
    RunCountsAnswer,
    RunDetailAnswer,
    RunPage,
    RunReplayed,
)
from app.wire.shapes import Answer, Body, Success

router = api_router("engine")

RunPathId = Annotated[str, Path(max_length=400)]


BulkSize = Annotated[int, Query(ge=1, le=100)]


class Rerun(Body):
    """How a run is to be repeated: all of it, or from a step; with its event, or with other data.

    `fromStep`: what was recorded when that step started is taken over. `data`: of an event that
    only this run gets.
    """

    from_step: str | None = Field(None, min_length=1, max_length=400)
    data: dict[str, Any] | None = None


class RunsCancelled(Success):
    """Those that had not ended, and are cancelled now."""

    run_ids: tuple[str, ...]
    next_cursor: str | None = None


class Replayed(Answer):
    """A run, and the new one that repeats it."""

    run_id: str
    as_run_id: str


class NotReplayed(Answer):
    """A run that cannot be repeated, and why."""

    run_id: str
    error: str
    code: str


class RunsReplayed(Success):
    """What became of them; not named: those that had been repeated before."""

    replayed: tuple[Replayed, ...]
    refused: tuple[NotReplayed, ...]
    next_cursor: str | None = None


class RealtimeToken(Answer):
    """What follows a run, or the runs of a list, for as long as the subscription lasts."""

    channel: str
    token: str = Field(description="For `GET /api/realtime?token=…`, within a minute.")


@router.get("/runs", response_model_exclude_none=True)
async def list_runs(
    access: AccessDep, which: WhichRunsDep, limit: PageSize = 50, cursor: Cursor = None
) -> RunPage:
    """Runs, newest first.

    Where a status, several jobs, a field or a text are asked for, a page looks at no more than
    5,000 runs: it may then be short, and `nextCursor` goes on.
    """
    engine = access.services.engine
    page = await engine.runs(which.filter, owner=access.caller.owner, limit=limit, cursor=cursor)
    return RunPage.of(page, for_operator=engine.has_operator)


@router.get("/runs/counts")
async def count_runs(access: AccessDep, which: WhichRunsDep) -> RunCountsAnswer:
    """How many of these runs there are in each status; `status` itself does not matter.

    At most the 20,000 newest are counted; where a field or a text is asked for, 5,000 are looked
    at.
    """
    counts = await access.services.engine.counts(which.filter, owner=access.caller.owner)
    return RunCountsAnswer.of(counts)


@router.post("/runs/cancel", response_model_exclude_none=True)
async def cancel_runs(
    access: AccessDep, which: WhichRunsDep, limit: BulkSize = 50, cursor: Cursor = None
) -> RunsCancelled:
    """Cancel the newest of these runs that have not ended, each as by its own route.

    `nextCursor` goes on with those that are left. At least one thing has to say which runs.
    """
    done = await access.services.engine.cancel_many(
        which.filter, owner=access.caller.owner, limit=limit, cursor=cursor
    )
    return RunsCancelled(
        run_ids=tuple(run_id for run_id, _ in done.done), next_cursor=done.next_cursor
    )


@router.post("/runs/replay", response_model_exclude_none=True, responses=FORBIDDEN)
async def replay_runs(
    access: AccessDep, which: WhichRunsDep, limit: BulkSize = 50, cursor: Cursor = None
) -> RunsReplayed:
    """Replay the newest of these runs that failed; for the operator only.

    Cancelled ones only where `status` asks for them. One that has been repeated before is left
    alone. `nextCursor` goes on with those that are left.
    """
    done = await access.services.engine.replay_many(
        which.filter, owner=access.caller.owner, limit=limit, cursor=cursor
    )
    return RunsReplayed(
        replayed=tuple(Replayed(run_id=old, as_run_id=new) for old, new in done.done),
        refused=tuple(
            NotReplayed(run_id=run_id, error=str(why), code=why.code)
            for run_id, why in done.refused
        ),
        next_cursor=done.next_cursor,
    )


@router.get("/runs/{run_id:path}", response_model_exclude_none=True)
async def get_run(run_id: RunPathId, access: AccessDep) -> RunDetailAnswer:
    """A run with its steps."""
    engine = access.services.engine
    run = await engine.run(run_id, owner=access.caller.owner)
    return RunDetailAnswer.of_detail(run, for_operator=engine.has_operator)


@router.post("/runs/realtime")
async def follow_runs(access: AccessDep) -> RealtimeToken:
    """A token for `GET /api/realtime`, on the channel of the caller's runs; good for a minute."""
    channel, token = access.services.engine.list_token(access.caller.owner)
    return RealtimeToken(channel=channel, token=token)


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


@router.post(
    "/runs/{run_id:path}/rerun",
    status_code=201,
    response_model_exclude_none=True,
    responses=FORBIDDEN | CONFLICT,
)
async def rerun_run(run_id: RunPathId, body: Rerun, access: AccessDep) -> RunReplayed:
    """Repeat a run that has ended, however, as a new run; for the operator only.

    From its start or from a step, with its event or with other data.
    """
    new_id = await access.services.engine.rerun(run_id, from_step_id=body.from_step, data=body.data)
    return RunReplayed(run_id=new_id)
