"""Runs that were triggered: retrieved, listed, cancelled, tried again, put off."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Path, Query, Request

from app.http.access import AccessDep
from app.http.errors import InvalidRequest
from app.http.trigger.access import trigger_router
from app.http.trigger.wire import (
    ReplayBody,
    RescheduleBody,
    RunHandle,
    run_fields,
    status_of,
    whole_run,
)
from app.services.clients.triggering import ListFilter
from engine.duration import seconds_of

router = trigger_router()

RunId = Annotated[str, Path(max_length=400)]
_FILTERS = (
    "status",
    "taskIdentifier",
    "tag",
    "batch",
    "schedule",
    "createdAt][from",
    "createdAt][to",
    "createdAt][period",
)
_ENVIRONMENT = {"id": "polaris", "name": "production"}


@router.get("/v3/runs/{run_id:path}")
async def retrieve_run(run_id: RunId, access: AccessDep) -> dict[str, Any]:
    """A run: how far it is, what it was given, what it came to."""
    run = await access.services.triggering.run(run_id, owner=access.caller.owner)
    return whole_run(run, shows_errors=access.services.engine.has_operator)


@router.get("/v1/runs")
async def list_triggered_runs(
    request: Request,
    access: AccessDep,
    size: Annotated[int, Query(alias="page[size]", ge=1, le=100)] = 20,
    after: Annotated[str | None, Query(alias="page[after]", max_length=4_096)] = None,
    before: Annotated[str | None, Query(alias="page[before]", max_length=4_096)] = None,
) -> dict[str, Any]:
    """The caller's triggered runs, newest first; a page may be short and still have a `next`.

    Taken are `filter[status]`, `filter[taskIdentifier]`, `filter[tag]`, `filter[batch]`,
    `filter[schedule]`, `filter[createdAt][from]`, `[to]` and `[period]`.
    """
    if before is not None:
        raise InvalidRequest("page[before]: pages go forward only", field="page[before]")
    given = {name: request.query_params.get(f"filter[{name}]") for name in _FILTERS}
    now = access.services.clock.now()
    which = ListFilter(
        tasks=_names(given["taskIdentifier"]),
        tags=_names(given["tag"]),
        batch_id=given["batch"],
        schedule_id=given["schedule"],
        since=_since(given, now),
        until=_moment(given["createdAt][to"], "to"),
    )
    runs, cursor = await access.services.triggering.list_runs(
        which, owner=access.caller.owner, limit=size, cursor=after
    )
    statuses = _names(given["status"])
    kept = [run for run in runs if not statuses or status_of(run) in statuses]
    rows = [run_fields(run) | {"env": _ENVIRONMENT} for run in kept]
    return {"data": rows, "pagination": {} if cursor is None else {"next": cursor}}


@router.post("/v2/runs/{run_id:path}/cancel")
async def cancel_triggered_run(run_id: RunId, access: AccessDep) -> RunHandle:
    """Cancel a run; one that has ended stays as it is."""
    await access.services.triggering.cancel(run_id, owner=access.caller.owner)
    return RunHandle(id=run_id)


@router.post("/v1/runs/{run_id:path}/replay")
async def replay_triggered_run(
    run_id: RunId, access: AccessDep, body: ReplayBody | None = None
) -> RunHandle:
    """Trigger the same task again, as a new run."""
    changes = {} if body is None else body.changes(access.services.clock.now())
    done = await access.services.triggering.replay(run_id, changes, owner=access.caller.owner)
    return RunHandle(id=done.run_id, isCached=done.is_cached)


@router.post("/v1/runs/{run_id:path}/reschedule")
async def reschedule_run(run_id: RunId, body: RescheduleBody, access: AccessDep) -> dict[str, Any]:
    """Let a delayed run begin at another time."""
    now = access.services.clock.now()
    until = body.until(now)
    run = await access.services.triggering.reschedule(run_id, until, owner=access.caller.owner)
    return whole_run(run, shows_errors=access.services.engine.has_operator)


def _names(text: str | None) -> frozenset[str]:
    return frozenset(filter(None, (text or "").split(",")))


def _since(given: dict[str, str | None], now: datetime) -> datetime | None:
    period = given["createdAt][period"]
    if period is None:
        return _moment(given["createdAt][from"], "from")
    try:
        return now - timedelta(seconds=seconds_of(period))
    except (ValueError, OverflowError):
        raise InvalidRequest('period: write a duration such as "1d"', field="period") from None


def _moment(text: str | None, field: str) -> datetime | None:
    """Milliseconds since 1970, or ISO text. Raises: InvalidRequest."""
    if text is None:
        return None
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise InvalidRequest(f"{field}: it is no time", field=field) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
