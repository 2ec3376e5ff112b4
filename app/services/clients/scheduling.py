"""Schedules of Trigger.dev clients: a definition is the event of the run that keeps to it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services.clients.tasks import BadPayload, ClientTasks, key_of, task_payload
from core.clock import Clock
from core.errors import NotFound, Refused
from core.ids import OwnerId
from engine import Cron, Engine
from engine.cron import CronRule, compile_cron
from engine.inspection import RunFilter
from jobs.events import user_of
from jobs.triggered.events import ScheduleDeleted, ScheduleSet

RUN_SCHEDULE = "run-schedule"
MAX_SCHEDULES = 1_000  # of one owner
PAGE = 200


class NoSuchSchedule(NotFound):
    """No schedule of the owner has this id."""

    code = "no_such_schedule"

    def __init__(self) -> None:
        super().__init__("Schedule not found")


class BadSchedule(Refused):
    """The cron expression or the time zone makes no sense."""

    code = "invalid_schedule"


class TooManySchedules(Refused):
    """An owner has as many schedules as one may have."""

    code = "too_many_schedules"

    def __init__(self) -> None:
        super().__init__(f"At most {MAX_SCHEDULES} schedules; delete one first")


@dataclass(frozen=True)
class NewSchedule:
    """What is to run, and when. `external_id` holds the payload of the task as JSON."""

    task: str
    cron: str
    timezone: str
    external_id: str | None


@dataclass(frozen=True)
class Schedule:
    """A schedule as it holds now; `next_run` is None while it is inactive."""

    definition: ScheduleSet
    next_run: datetime | None


@dataclass(frozen=True)
class Scheduling:
    """What the routes of schedules do."""

    tasks: ClientTasks
    engine: Engine
    clock: Clock

    async def create(self, new: NewSchedule, key: str, *, owner: OwnerId) -> Schedule:
        """Make a schedule; the same deduplication key again changes the one there is.

        Raises: UnknownTask, BadPayload, BadSchedule, NotFound, TooManySchedules.
        """
        schedule_id = key_of(owner, "schedule", key).replace("client", "sched")
        payload = await self._judged(new, owner)
        found = [each async for each in self._all(owner)]
        if len(found) >= MAX_SCHEDULES and all(each.schedule_id != schedule_id for each in found):
            raise TooManySchedules
        return await self._set(
            ScheduleSet(
                schedule_id=schedule_id,
                task=new.task,
                cron=new.cron,
                timezone=new.timezone,
                payload=payload,
                deduplication_key=key,
                external_id=new.external_id,
            ),
            owner,
        )

    async def update(self, schedule_id: str, new: NewSchedule, *, owner: OwnerId) -> Schedule:
        """Change a schedule. Raises: NoSuchSchedule; as `create`."""
        before = (await self.get(schedule_id, owner=owner)).definition
        payload = await self._judged(new, owner)
        changes: dict[str, Any] = {
            "task": new.task,
            "cron": new.cron,
            "timezone": new.timezone,
            "payload": payload,
            "external_id": new.external_id,
        }
        return await self._set(before.model_copy(update=changes), owner)

    async def switch(self, schedule_id: str, *, is_active: bool, owner: OwnerId) -> Schedule:
        """Let a schedule rest, or go on. Raises: NoSuchSchedule."""
        before = (await self.get(schedule_id, owner=owner)).definition
        return await self._set(before.model_copy(update={"is_active": is_active}), owner)

    async def delete(self, schedule_id: str, *, owner: OwnerId) -> None:
        """Forget a schedule. Raises: NoSuchSchedule."""
        await self.get(schedule_id, owner=owner)
        await self.engine.send(ScheduleDeleted(schedule_id=schedule_id), user=user_of(owner))

    async def get(self, schedule_id: str, *, owner: OwnerId) -> Schedule:
        """A schedule. Raises: NoSuchSchedule."""
        async for each in self._all(owner):
            if each.schedule_id == schedule_id:
                return self._shown(each)
        raise NoSuchSchedule

    async def list_all(self, *, owner: OwnerId) -> list[Schedule]:
        """The owner's schedules, newest first."""
        return [self._shown(each) async for each in self._all(owner)]

    async def _all(self, owner: OwnerId) -> AsyncIterator[ScheduleSet]:
        seen: set[str] = set()
        which, cursor = RunFilter(job_id=RUN_SCHEDULE, user_id=owner), None
        while True:
            page = await self.engine.inspect.runs(which, limit=PAGE, cursor=cursor)
            for run in page.items:
                if run.ended_at is not None or run.status in {"cancelled", "failed", "completed"}:
                    continue
                event = (await self.engine.inspect.event(run.event_id)).event
                found = ScheduleSet.model_validate(event.data)
                if found.schedule_id not in seen:
                    seen.add(found.schedule_id)
                    yield found
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _judged(self, new: NewSchedule, owner: OwnerId) -> dict[str, Any]:
        """The payload of a schedule that can be kept to. Raises: as `create`."""
        _rule(new.cron, new.timezone)
        try:
            payload: Any = json.loads(new.external_id or "null")
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            raise BadPayload(new.task, "externalId: the payload of the task, as a JSON object")
        await self.tasks.check(task_payload(new.task, payload), owner=owner)  # pyright: ignore[reportUnknownArgumentType] - JSON
        return payload  # pyright: ignore[reportUnknownVariableType] - JSON

    async def _set(self, wanted: ScheduleSet, owner: OwnerId) -> Schedule:
        await self.engine.send(wanted, user=user_of(owner))
        return self._shown(wanted)

    def _shown(self, found: ScheduleSet) -> Schedule:
        due = _rule(found.cron, found.timezone).next_after(self.clock.now())
        return Schedule(found, due if found.is_active else None)


def _rule(cron: str, timezone: str) -> CronRule:
    try:
        return compile_cron(RUN_SCHEDULE, Cron(f"TZ={timezone} {cron}"))
    except ValueError as error:
        raise BadSchedule(str(error)) from None
