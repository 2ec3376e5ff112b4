"""Events of tasks and schedules. They are stored: a new field has a default."""

from typing import Any

from engine import EventData


class TaskRequested(EventData, event="triggered/task.requested"):
    """A task was triggered; it begins at `delay_until_ms`, or at once.

    `task_run_id` is the event's own id: what a later change of the delay names.
    """

    task_run_id: str
    task: str
    payload: dict[str, Any]
    tags: tuple[str, ...] = ()
    idempotency_key: str | None = None
    concurrency_key: str | None = None
    delay_until_ms: int | None = None
    batch_id: str | None = None
    schedule_id: str | None = None
    metadata: dict[str, Any] | None = None
    is_test: bool = False


class TaskRescheduled(EventData, event="triggered/task.rescheduled"):
    """A task that has not begun is to begin at another time."""

    task_run_id: str
    delay_until_ms: int


class ScheduleSet(EventData, event="triggered/schedule.set"):
    """A schedule was made or changed: from now on this definition holds.

    `payload` is what the task is begun with at each tick of `cron`, in the time zone `timezone`.
    """

    schedule_id: str
    task: str
    cron: str
    timezone: str
    payload: dict[str, Any]
    deduplication_key: str
    external_id: str | None = None
    is_active: bool = True


class ScheduleDeleted(EventData, event="triggered/schedule.deleted"):
    """A schedule is no more."""

    schedule_id: str
