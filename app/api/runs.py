"""Routes of the engine: runs, events, metrics. Everybody sees what their own events caused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Path, Query

from app.api.access import CONFLICT, FORBIDDEN, AccessDep, api_router
from app.api.runs_wire import (
    EventAnswer,
    EventPage,
    EventSent,
    JobMetricsAnswer,
    MetricsAnswer,
    NewEvent,
    QueueAnswer,
    RealtimeToken,
    RunCancelledAnswer,
    RunDetailAnswer,
    RunPage,
    RunReplayed,
)
from app.api.wire import Cursor
from engine import RunStatus
from engine.inspection import EventFilter, RunFilter

router = api_router("engine")

MAX_MS = 253_402_300_799_000  # the year 9999

PageSize = Annotated[int, Query(ge=1, le=200)]
Name = Annotated[str | None, Query(max_length=200)]
RunPathId = Annotated[str, Path(max_length=400)]
EventPathId = Annotated[str, Path(max_length=400)]
Moment = Annotated[int | None, Query(ge=0, le=MAX_MS, description="Milliseconds since 1970")]
Field = Annotated[
    str | None,
    Query(
        max_length=500,
        pattern=r"^[^=]+=",
        description="PATH=VALUE in the event, such as `data.projectId=k57…`; a value that is JSON "
        "is taken as JSON.",
    ),
]


class Window:
    """What both lists take: a time range, and a field of the event."""

    def __init__(self, since: Moment = None, until: Moment = None, field: Field = None) -> None:
        self.since = _moment(since)
        self.until = _moment(until)
        self.field = None if field is None else field_of(field)


WindowDep = Annotated[Window, Depends()]


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def field_of(text: str) -> tuple[str, Any]:
    """`data.n=1` as a path and a value."""
    path, _, value = text.partition("=")
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value


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
    view = access.services.engine
    which = RunFilter(
        job_id=job, status=status, since=window.since, until=window.until, field=window.field
    )
    page = await view.runs(which, owner=access.caller.owner, limit=limit, cursor=cursor)
    return RunPage.of(page, for_operator=view.has_operator)


@router.get("/runs/{run_id:path}", response_model_exclude_none=True)
async def get_run(run_id: RunPathId, access: AccessDep) -> RunDetailAnswer:
    """A run with its steps."""
    view = access.services.engine
    run = await view.run(run_id, owner=access.caller.owner)
    return RunDetailAnswer.of_detail(run, for_operator=view.has_operator)


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


@router.get("/events", response_model_exclude_none=True)
async def list_events(
    access: AccessDep,
    window: WindowDep,
    name: Name = None,
    limit: PageSize = 50,
    cursor: Cursor = None,
) -> EventPage:
    """Events and what they started, last received first."""
    which = EventFilter(name=name, since=window.since, until=window.until, field=window.field)
    page = await access.services.engine.events(
        which, owner=access.caller.owner, limit=limit, cursor=cursor
    )
    return EventPage.of(page)


@router.get("/events/{event_id:path}", response_model_exclude_none=True)
async def get_event(event_id: EventPathId, access: AccessDep) -> EventAnswer:
    """An event and what it started."""
    return EventAnswer.of(await access.services.engine.event(event_id, owner=access.caller.owner))


@router.post("/events", status_code=201, response_model_exclude_none=True, responses=FORBIDDEN)
async def send_event(body: NewEvent, access: AccessDep) -> EventSent:
    """Send an event. For the operator of an installation with one local user only.

    An event can cancel what its data names, so others reach the engine through the routes above.
    """
    sent = await access.services.engine.send(
        body.name, body.data, owner=access.caller.owner, event_id=body.event_id
    )
    return EventSent.of(sent)


@router.get("/metrics", response_model_exclude_none=True)
async def get_metrics(
    access: AccessDep,
    minutes: Annotated[int, Query(ge=1, le=60 * 24 * 7, description="How far back.")] = 60,
) -> MetricsAnswer:
    """How the runs did that ended lately, by job."""
    view = access.services.engine
    since = access.services.clock.now() - timedelta(minutes=minutes)
    metrics = await view.metrics(since, owner=access.caller.owner)
    return MetricsAnswer(
        jobs=tuple(map(JobMetricsAnswer.of, metrics)),
        queues=tuple(map(QueueAnswer.of, await view.queues())),
    )
