"""Jobs for people and tools: what starts them, how they are held back, and how they stand now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import PydanticUserError

from engine.cron import CronRule
from engine.events import EventData
from engine.inspection.run_info import instant
from engine.inspection.waits import QueueDepth, read_queues
from engine.storage import tables


@dataclass(frozen=True)
class EventTrigger:
    """An event, or a pattern of names such as `orders/*`, that starts a job."""

    event: str
    when: str | None
    """CEL."""
    model: type[EventData] | None

    @property
    def schema(self) -> dict[str, Any] | None:
        """JSON Schema of the data; None where the job takes any, or a field of it has none."""
        try:
            return None if self.model is None else self.model.model_json_schema(by_alias=True)
        except PydanticUserError:
            return None


@dataclass(frozen=True)
class CancelTrigger:
    """An event that cancels runs of a job."""

    event: str
    match: str | None
    when: str | None
    timeout_s: float | None


@dataclass(frozen=True)
class Limit:
    """How many steps or runs execute at once for each value of `key`."""

    limit: int
    key: str | None
    scope: str
    counts: str


@dataclass(frozen=True)
class JobDefinition:
    """What a job is, as its code says.

    `flow` has the words of `engine.options.FlowOptions`, expressions as CEL, times in seconds
    (`period_s`, `timeout_s`, `start_s`, `finish_s`).
    """

    job_id: str
    events: tuple[EventTrigger, ...]
    crons: tuple[CronRule, ...]
    cancel_on: tuple[CancelTrigger, ...]
    concurrency: tuple[Limit, ...]
    retries: int
    """After the first attempt of each step."""
    handles_failure: bool
    flow: Mapping[str, Any]


@dataclass(frozen=True)
class CronTrigger:
    """A schedule and its next tick; ticks that pass while no worker runs are skipped."""

    schedule: str
    zone: str
    next_at: datetime


@dataclass(frozen=True)
class JobInfo:
    """A job and how it stands now."""

    definition: JobDefinition
    crons: tuple[CronTrigger, ...]
    paused_at: datetime | None
    queue: QueueDepth


def read_jobs(
    connection: sa.Connection, definitions: Sequence[JobDefinition], now: datetime
) -> list[JobInfo]:
    """How these jobs stand, by id."""
    paused = {
        row.job_id: instant(row.paused_at) for row in connection.execute(sa.select(tables.pause))
    }
    queues = {queue.job_id: queue for queue in read_queues(connection)}
    return [
        JobInfo(
            definition=each,
            crons=tuple(
                CronTrigger(rule.schedule, rule.zone.key, rule.next_after(now))
                for rule in each.crons
            ),
            paused_at=paused.get(each.job_id),
            queue=queues.get(each.job_id, QueueDepth(each.job_id, 0, 0, 0, None)),
        )
        for each in sorted(definitions, key=lambda definition: definition.job_id)
    ]
