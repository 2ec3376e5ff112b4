"""Looking at what the engine holds: runs, events, waits and queues, page by page."""

from collections.abc import Collection, Sequence
from datetime import datetime

from engine.inspection.events import (
    EventEffects,
    EventFilter,
    EventInfo,
    NoSuchEvent,
    RunOfEvent,
    read_effects,
    read_event_info,
    read_events,
)
from engine.inspection.jobs import JobDefinition, JobInfo, read_jobs
from engine.inspection.metrics import JobMetrics, read_metrics
from engine.inspection.pages import MAX_PAGE, BadCursor, Page, at, position, size
from engine.inspection.run_detail import RetryingStep, RunDetail, read_detail
from engine.inspection.run_info import ms_of
from engine.inspection.runs import (
    RunCounts,
    RunFilter,
    RunSummary,
    read_counts,
    read_summaries,
    replayed,
)
from engine.inspection.series import Series, Window, read_series
from engine.inspection.waits import OpenWait, QueueDepth, read_queues, read_waits
from engine.storage.owners import owner_of
from engine.storage.transactions import Ledger

__all__ = [
    "MAX_PAGE",
    "BadCursor",
    "EventEffects",
    "EventFilter",
    "EventInfo",
    "Inspection",
    "JobDefinition",
    "JobInfo",
    "NoSuchEvent",
    "OpenWait",
    "Page",
    "QueueDepth",
    "RetryingStep",
    "RunCounts",
    "RunDetail",
    "RunFilter",
    "RunOfEvent",
    "RunSummary",
    "Series",
]


class Inspection:
    """Read-only views for people and tools; `engine.inspect` gives one."""

    def __init__(self, ledger: Ledger, jobs: Sequence[JobDefinition] = ()) -> None:
        """Look through `ledger` at what has become of `jobs`."""
        self._ledger = ledger
        self._jobs = jobs
        self._throttled = frozenset(job.job_id for job in jobs if "throttle" in job.flow)

    async def runs(
        self, which: RunFilter | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RunSummary]:
        """Runs, newest first. Raises: BadCursor."""
        wanted, after = which or RunFilter(), position(cursor)
        return await self._ledger.transact(read_summaries, wanted, size(limit), after)

    async def counts(self, which: RunFilter | None = None) -> RunCounts:
        """How many runs there are in each status, whichever status is asked for."""
        return await self._ledger.transact(read_counts, which or RunFilter())

    async def replayed(self, run_ids: Collection[str]) -> set[str]:
        """Which of these runs (a page of them) have been repeated, in whatever way."""
        return await self._ledger.transact(replayed, run_ids)

    async def run(self, run_id: str) -> RunDetail:
        """A run with its steps. Raises: NoSuchRun."""
        return await self._ledger.transact(
            read_detail, run_id, self._ledger.now_ms(), self._throttled
        )

    async def owner_of_run(self, run_id: str) -> str | None:
        """The `user.id` of the event behind a run; None for nobody's and for one there is not."""
        return await self._ledger.transact(owner_of, "run", run_id)

    async def events(
        self, which: EventFilter | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[EventInfo]:
        """Events with what they started, last received first. Raises: BadCursor."""
        wanted, after = which or EventFilter(), position(cursor)
        return await self._ledger.transact(read_events, wanted, size(limit), after)

    async def event(self, event_id: str) -> EventInfo:
        """One event. Raises: NoSuchEvent."""
        return await self._ledger.transact(read_event_info, event_id)

    async def effects(self, event_id: str, *, user_id: str | None = None) -> EventEffects:
        """What an event did to runs that it found, of this user or (None) of anybody."""
        return await self._ledger.transact(read_effects, event_id, user_id)

    async def waits(self, *, limit: int = 50, cursor: str | None = None) -> Page[OpenWait]:
        """What runs wait for now, by run and step. Raises: BadCursor."""
        return await self._ledger.transact(read_waits, size(limit), cursor)

    async def queues(self) -> list[QueueDepth]:
        """The jobs that have runs which have not ended."""
        return await self._ledger.transact(read_queues)

    def has_job(self, job_id: str) -> bool:
        """Whether this engine was given such a job."""
        return any(job.job_id == job_id for job in self._jobs)

    async def jobs(self) -> list[JobInfo]:
        """The jobs of this engine, by id: what they are, and how they stand now."""
        now = at(self._ledger.now_ms())
        return await self._ledger.transact(read_jobs, self._jobs, now)

    async def metrics(
        self, since: datetime, *, job_id: str | None = None, user_id: str | None = None
    ) -> list[JobMetrics]:
        """How the runs did that ended between `since` and now, by job."""
        now_ms, since_ms = self._ledger.now_ms(), ms_of(since)
        return await self._ledger.transact(
            read_metrics, since_ms=since_ms, now_ms=now_ms, job_id=job_id, user_id=user_id
        )

    async def series(
        self,
        since: datetime,
        *,
        bucket_s: int,
        job_id: str | None = None,
        user_id: str | None = None,
    ) -> Series:
        """How runs did between `since` and now, in buckets. Raises: TooManyBuckets."""
        window = Window.of(ms_of(since), self._ledger.now_ms(), bucket_s * 1000)
        return await self._ledger.transact(read_series, window, job_id=job_id, user_id=user_id)
