"""Schedules: made, listed, changed, switched, deleted."""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from app.http.access import AccessDep
from app.http.trigger.access import trigger_router
from app.http.trigger.wire import Theirs
from app.services.clients.scheduling import NewSchedule, Schedule

router = trigger_router()

ScheduleId = Annotated[str, Path(max_length=100)]


class ScheduleBody(Theirs):
    """What runs when. `externalId` holds the payload of the task, as JSON text."""

    task: Annotated[str, Field(min_length=1, max_length=200)]
    cron: Annotated[str, Field(min_length=1, max_length=200)]
    timezone: Annotated[str, Field(min_length=1, max_length=100)] = "UTC"
    external_id: Annotated[str, Field(max_length=100_000)] | None = None

    @property
    def schedule(self) -> NewSchedule:
        """The same for our services."""
        return NewSchedule(self.task, self.cron, self.timezone, self.external_id)


class NewScheduleBody(ScheduleBody):
    """The same with a key: used again, it changes the schedule that there is."""

    deduplication_key: Annotated[str, Field(min_length=1, max_length=500)]


@router.post("/v1/schedules")
async def create_schedule(body: NewScheduleBody, access: AccessDep) -> dict[str, Any]:
    """Make a schedule for a task, or change the one that has the same deduplication key."""
    made = await access.services.scheduling.create(
        body.schedule, body.deduplication_key, owner=access.caller.owner
    )
    return _answer(made)


@router.get("/v1/schedules")
async def list_schedules(
    access: AccessDep,
    page: Annotated[int, Query(ge=1, le=1_000)] = 1,
    size: Annotated[int, Query(alias="perPage", ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """The caller's schedules, newest first."""
    found = await access.services.scheduling.list_all(owner=access.caller.owner)
    shown = found[(page - 1) * size : page * size]
    pages = -(-len(found) // size)
    return {
        "data": [_answer(each) for each in shown],
        "pagination": {"currentPage": page, "totalPages": pages, "count": len(found)},
    }


@router.get("/v1/schedules/{schedule_id}")
async def retrieve_schedule(schedule_id: ScheduleId, access: AccessDep) -> dict[str, Any]:
    """A schedule."""
    return _answer(await access.services.scheduling.get(schedule_id, owner=access.caller.owner))


@router.put("/v1/schedules/{schedule_id}")
async def update_schedule(
    schedule_id: ScheduleId, body: ScheduleBody, access: AccessDep
) -> dict[str, Any]:
    """Change a schedule."""
    changed = await access.services.scheduling.update(
        schedule_id, body.schedule, owner=access.caller.owner
    )
    return _answer(changed)


@router.delete("/v1/schedules/{schedule_id}")
async def delete_schedule(schedule_id: ScheduleId, access: AccessDep) -> dict[str, Any]:
    """Forget a schedule; what it has started goes on."""
    await access.services.scheduling.delete(schedule_id, owner=access.caller.owner)
    return {"id": schedule_id}


@router.post("/v1/schedules/{schedule_id}/activate")
async def activate_schedule(schedule_id: ScheduleId, access: AccessDep) -> dict[str, Any]:
    """Let a schedule go on."""
    return await _switched(schedule_id, access, is_active=True)


@router.post("/v1/schedules/{schedule_id}/deactivate")
async def deactivate_schedule(schedule_id: ScheduleId, access: AccessDep) -> dict[str, Any]:
    """Let a schedule rest."""
    return await _switched(schedule_id, access, is_active=False)


async def _switched(schedule_id: str, access: AccessDep, *, is_active: bool) -> dict[str, Any]:
    switched = await access.services.scheduling.switch(
        schedule_id, is_active=is_active, owner=access.caller.owner
    )
    return _answer(switched)


def _answer(schedule: Schedule) -> dict[str, Any]:
    found, due = schedule.definition, schedule.next_run
    return {
        "id": found.schedule_id,
        "type": "IMPERATIVE",
        "task": found.task,
        "active": found.is_active,
        "deduplicationKey": found.deduplication_key,
        "externalId": found.external_id,
        "generator": {"type": "CRON", "expression": found.cron, "description": found.cron},
        "timezone": found.timezone,
        "nextRun": None if due is None else due.isoformat(),
        "environments": [{"id": "polaris", "type": "PRODUCTION"}],
    }
