"""Tasks of Trigger.dev clients: triggered now or later, looked at, cancelled, tried again."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from app.services.clients.keys import OwnedKeys
from app.services.clients.tasks import ClientTasks, key_of, task_payload
from app.services.engine import EngineAccess
from core.clock import Clock
from core.errors import Conflict, Refused
from core.ids import EventId, OwnerId, new_id
from engine import Engine, Event, NoSuchRun
from engine.inspection import EventInfo, NoSuchEvent, RunDetail, RunFilter
from jobs.events import user_of
from jobs.triggered.events import TaskRequested, TaskRescheduled
from jobs.triggered.tasks import Begun

BEGIN_TASK = "begin-task"
KEY_LIFE = timedelta(days=7)  # as long as the engine keeps events; Trigger.dev's own default is 30
MAX_RENEWALS = 100  # of one key within that time
LONGEST_DELAY = timedelta(days=366)
SCAN_PAGES = 20
BEGIN_S = 2.0  # one mutation, behind what else the worker has to do
_BEGUN = TypeAdapter(Begun)


class KeyUsedOtherwise(Conflict):
    """The idempotency key was used with another task or payload."""

    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__(
            "This idempotency key was used with another payload; use another key, or the same data"
        )


class NotDelayed(Conflict):
    """The run has begun, or never had a delay."""

    code = "not_delayed"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run {run_id!r} is not delayed; only a run that waits can be rescheduled")


class NotTriggered(Refused):
    """The run is not of a task that was triggered, so nothing says what to trigger again."""

    code = "not_triggered"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run {run_id!r} was not triggered as a task; retry the message instead")


@dataclass(frozen=True)
class Wanted:
    """A task to trigger. `key_life` None: as long as events are kept."""

    task: str
    payload: Mapping[str, Any]
    tags: tuple[str, ...] = ()
    delay_until: datetime | None = None
    idempotency_key: str | None = None
    key_life: timedelta | None = None
    concurrency_key: str | None = None
    metadata: dict[str, Any] | None = None
    batch_id: str | None = None
    is_test: bool = False


@dataclass(frozen=True)
class Triggered:
    """A task that was triggered; `is_cached`: an earlier one with the same key."""

    run_id: str
    is_cached: bool


@dataclass(frozen=True)
class TaskRun:
    """A run as its client sees it: the one that was triggered, and the one that does the work.

    `work` is the same run where it was not triggered as a task; None while it has not begun.
    """

    handle: RunDetail
    asked: TaskRequested | None
    work: RunDetail | None
    ids: Mapping[str, str]
    delayed_until: datetime | None


@dataclass(frozen=True)
class ListFilter:
    """Which runs; what is empty does not matter. Of several tags one is enough."""

    tasks: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    batch_id: str | None = None
    schedule_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, asked: TaskRequested) -> bool:
        """Whether a request is one of these, but for its time."""
        return (
            (not self.tasks or asked.task in self.tasks)
            and (not self.tags or not self.tags.isdisjoint(asked.tags))
            and self.batch_id in {None, asked.batch_id}
            and self.schedule_id in {None, asked.schedule_id}
        )


@dataclass(frozen=True)
class Triggering:
    """What the routes of Trigger.dev clients do with runs."""

    tasks: ClientTasks
    access: EngineAccess
    keys: OwnedKeys
    clock: Clock

    @property
    def engine(self) -> Engine:
        """Where the runs are."""
        return self.access.engine

    async def trigger(self, wanted: Wanted, *, owner: OwnerId) -> Triggered:
        """Trigger a task in the owner's name.

        Raises:
            UnknownTask, BadPayload: it cannot be triggered at all.
            NotFound: what the payload names is not the owner's.
            KeyUsedOtherwise: the idempotency key stands for something else.
        """
        await self.tasks.check(task_payload(wanted.task, wanted.payload), owner=owner)
        event_id = EventId(new_id("task"))
        if wanted.idempotency_key is not None:
            event_id, before = await self._by_key(wanted, owner)
            if before is not None:
                return _cached(before, wanted)
        asked = TaskRequested(
            task_run_id=event_id,
            task=wanted.task,
            payload=dict(wanted.payload),
            tags=wanted.tags,
            idempotency_key=wanted.idempotency_key,
            concurrency_key=wanted.concurrency_key,
            delay_until_ms=_ms(wanted.delay_until),
            batch_id=wanted.batch_id,
            metadata=wanted.metadata,
            is_test=wanted.is_test,
        )
        data = asked.model_dump(mode="json", by_alias=True)
        event = Event(TaskRequested.event_name, data, id=event_id, user=user_of(owner))
        sent = await self.engine.send(event)
        if sent.duplicate:  # somebody else with the same key was faster
            return _cached(await self.engine.inspect.event(event_id), wanted)
        return Triggered(sent.run_ids[0], is_cached=False)

    async def trigger_item(self, wanted: Wanted, index: int, *, owner: OwnerId) -> Triggered:
        """Trigger an item of a batch: the same place of the same batch is triggered once.

        Raises: as `trigger`.
        """
        key = wanted.idempotency_key or f"{wanted.batch_id}-{index}"
        return await self.trigger(replace(wanted, idempotency_key=key), owner=owner)

    async def _by_key(self, wanted: Wanted, owner: OwnerId) -> tuple[EventId, EventInfo | None]:
        """The event that a key stands for; where its life is over, the id of the next one."""
        life = min(wanted.key_life or KEY_LIFE, KEY_LIFE)
        key = key_of(owner, "task", wanted.idempotency_key or "")
        for number in range(MAX_RENEWALS):
            event_id = EventId(f"{key}-{number}")
            try:
                before = await self.engine.inspect.event(event_id)
            except NoSuchEvent:
                return event_id, None
            if self.clock.now() - before.received_at < life:
                return event_id, before
        raise KeyUsedOtherwise

    async def run(self, run_id: str, *, owner: OwnerId) -> TaskRun:
        """A run of the owner's. Raises: NoSuchRun."""
        return await self._seen(await self.access.run(run_id, owner=owner), owner)

    async def _seen(self, handle: RunDetail, owner: OwnerId) -> TaskRun:
        if handle.info.job_id != BEGIN_TASK or handle.event is None:
            return TaskRun(handle, None, handle, {}, None)
        asked = TaskRequested.model_validate(handle.event.data)
        delayed_until = self._delayed_until(handle, asked)
        if handle.info.status != "completed":
            return TaskRun(handle, asked, None, {}, delayed_until)
        begun = _BEGUN.validate_python(handle.info.result)
        return TaskRun(handle, asked, await self._work(begun.event_id, owner), begun.ids, None)

    def _delayed_until(self, handle: RunDetail, asked: TaskRequested) -> datetime | None:
        """When a run is to begin; between two of its waits, as it was asked for at first."""
        if handle.waits or handle.info.has_ended or asked.delay_until_ms is None:
            return handle.waits[0].deadline if handle.waits else None
        until = datetime.fromtimestamp(asked.delay_until_ms / 1000, UTC)
        return until if until > self.clock.now() else None

    async def _work(self, event_id: EventId, owner: OwnerId) -> RunDetail | None:
        """The run that does what was begun; None where the engine has not got its event yet."""
        try:
            event = await self.access.event(event_id, owner=owner)
            return await self.access.run(event.run_ids[0], owner=owner)
        except (NoSuchEvent, NoSuchRun, IndexError):
            return None

    async def list_runs(
        self, which: ListFilter, *, owner: OwnerId, limit: int, cursor: str | None
    ) -> tuple[list[TaskRun], str | None]:
        """The owner's triggered runs, newest first, and where the next page goes on."""
        runs = RunFilter(job_id=BEGIN_TASK, since=which.since, until=which.until, user_id=owner)
        found: list[TaskRun] = []
        for _ in range(SCAN_PAGES):
            page = await self.engine.inspect.runs(runs, limit=limit - len(found), cursor=cursor)
            for summary in page.items:
                seen = await self.run(summary.run_id, owner=owner)
                if seen.asked is not None and which.holds(seen.asked):
                    found.append(seen)
            cursor = page.next_cursor
            if cursor is None or len(found) == limit:
                break
        return found, cursor

    async def cancel(self, run_id: str, *, owner: OwnerId) -> None:
        """Cancel a run, before or after it has begun; one that has ended stays as it is.

        One that is just beginning gets the time to: what it starts would go on without it.

        Raises: NoSuchRun.
        """
        seen = await self.run(run_id, owner=owner)
        if not seen.handle.info.has_ended and seen.delayed_until is None:
            with suppress(TimeoutError):
                await self.engine.wait(run_id, BEGIN_S)
        if not await self.access.cancel(run_id, owner=owner):
            seen = await self.run(run_id, owner=owner)
            if seen.work is not None:
                await self.access.cancel(seen.work.info.run_id, owner=owner)

    async def replay(self, run_id: str, changes: Mapping[str, Any], *, owner: OwnerId) -> Triggered:
        """Trigger the same task again, with another payload or tags where these are given.

        Raises: NoSuchRun, NotTriggered; as `trigger`.
        """
        asked = (await self.run(run_id, owner=owner)).asked
        if asked is None:
            raise NotTriggered(run_id)
        wanted = Wanted(
            asked.task,
            asked.payload,
            tags=asked.tags,
            concurrency_key=asked.concurrency_key,
            metadata=asked.metadata,
            is_test=asked.is_test,
        )
        return await self.trigger(replace(wanted, **changes), owner=owner)

    async def reschedule(self, run_id: str, until: datetime, *, owner: OwnerId) -> TaskRun:
        """Let a delayed run begin at another time. Raises: NoSuchRun, NotDelayed."""
        seen = await self.run(run_id, owner=owner)
        if seen.asked is None or seen.delayed_until is None:
            raise NotDelayed(run_id)
        moved = TaskRescheduled(task_run_id=seen.asked.task_run_id, delay_until_ms=_ms(until) or 0)
        await self.engine.send(moved, user=user_of(owner))
        return replace(seen, delayed_until=until)


def _cached(before: EventInfo, wanted: Wanted) -> Triggered:
    """What a key stands for already. Raises: KeyUsedOtherwise."""
    asked = TaskRequested.model_validate(before.event.data)
    if (asked.task, asked.payload) != (wanted.task, dict(wanted.payload)):
        raise KeyUsedOtherwise
    return Triggered(before.run_ids[0], is_cached=True)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
