"""Runs and events as a caller may see them: their own, or all where they are the operator."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.observe.news import ALL_RUNS, JOB, JobNews, runs_channel
from app.services.messages import Messaging
from core.errors import NotFound, Refused
from core.ids import OwnerId, ProjectId, RunId
from engine import Engine, Event, NoSuchJob, NoSuchRun, RunStatus, SentEvent
from engine.events import WireEvent
from engine.inspection import (
    EventEffects,
    EventFilter,
    EventInfo,
    JobInfo,
    NoSuchEvent,
    Page,
    QueueDepth,
    RunCounts,
    RunDetail,
    RunFilter,
    RunSummary,
    Series,
)
from engine.inspection.metrics import JobMetrics
from engine.inspection.pages import any_of
from jobs.events import (
    ArchiveImportRequested,
    ExportRequested,
    GenerateRequested,
    ImportRequested,
    MessageSent,
    ProposalRequested,
    PullRequested,
    user_of,
)
from store.transfers import Kind

TRANSFERS: Mapping[str, Kind] = {
    ImportRequested.event_name: "import",
    ArchiveImportRequested.event_name: "import",
    ExportRequested.event_name: "export",
    PullRequested.event_name: "pull",
    ProposalRequested.event_name: "pullRequest",
}
"""Events whose runs bring a project in or out."""


class OperatorOnly(Refused):
    """Any event may be sent by the operator of an installation with one local user only."""

    code = "operator_only"

    def __init__(self) -> None:
        super().__init__("Only the operator of an installation with one local user may do this")


class TooBroad(Refused):
    """Many runs are to be changed at once, and nothing says which."""

    code = "too_broad"

    def __init__(self) -> None:
        super().__init__(
            "Say which runs: by job, status, field, q, since or until; all of them are too many"
        )


ACTIVE: frozenset[RunStatus] = frozenset({"scheduled", "queued", "running"})
FAILED: frozenset[RunStatus] = frozenset({"failed"})
REPLAYABLE: frozenset[RunStatus] = frozenset({"failed", "cancelled"})


@dataclass(frozen=True)
class BulkDone:
    """What was done to a page of runs: each with the run that came of it, or why it was refused.

    Of cancelled ones that is the run itself.
    """

    done: tuple[tuple[RunId, RunId], ...]
    refused: tuple[tuple[RunId, Refused], ...]
    next_cursor: str | None


@dataclass(frozen=True)
class EngineAccess:
    """What a caller may see of the engine and do with it.

    With `has_operator` the installation serves one local user, who sees everything. `messaging` is
    None where there is no store at hand: then cancelling a run leaves its message to the reaper.
    """

    engine: Engine
    messaging: Messaging | None
    has_operator: bool

    async def runs(
        self, which: RunFilter, *, owner: OwnerId, limit: int, cursor: str | None
    ) -> Page[RunSummary]:
        """Runs, newest first. Raises: BadCursor."""
        which = replace(which, user_id=self._user(owner))
        return await self.engine.inspect.runs(which, limit=limit, cursor=cursor)

    async def run(self, run_id: str, *, owner: OwnerId) -> RunDetail:
        """A run with its steps. Raises: NoSuchRun, also when it is somebody else's."""
        user_id = self._user(owner)
        if user_id is not None and await self.engine.inspect.owner_of_run(run_id) != user_id:
            raise NoSuchRun(run_id)
        return await self.engine.inspect.run(run_id)

    async def cancel(self, run_id: str, *, owner: OwnerId) -> bool:
        """Cancel a run, and before it the answer that it writes; False if it had ended.

        Raises:
            NoSuchRun: also when it is somebody else's.
        """
        run = await self.run(run_id, owner=owner)
        if run.info.has_ended:
            return False
        has_stopped = bool(run.user_id) and await self._stop_writing(
            run, OwnerId(run.user_id or "")
        )
        return await self.engine.cancel(run_id) or has_stopped

    async def _stop_writing(self, run: RunDetail, writer: OwnerId) -> bool:
        """Whether there was something in the store that the run was writing, and is cancelled."""
        if self.messaging is None or run.event is None:
            return False
        match run.event.name:
            case MessageSent.event_name:
                message = MessageSent.model_validate(run.event.data)
                return bool(await self.messaging.cancel(message.message_id, owner=writer))
            case GenerateRequested.event_name:
                request = GenerateRequested.model_validate(run.event.data)
                return await self.messaging.cancel_generation(request.project_id, owner=writer)
            case name if name in TRANSFERS:
                await self._stop_transfer(run.event, writer)
                return False
            case _:
                return False

    async def _stop_transfer(self, event: WireEvent, owner: OwnerId) -> None:
        """What the run brings in or out is cancelled first, as a person would."""
        if self.messaging is None:
            return
        project_id = ProjectId(str(event.data.get("projectId")))
        with suppress(NotFound):
            await self.messaging.store.transfers.cancel(
                project_id, owner=owner, kind=TRANSFERS[event.name]
            )

    async def realtime_token(self, run_id: str, *, owner: OwnerId) -> tuple[str, str]:
        """The channel on which a run says how it goes, and a token to follow it.

        Raises:
            NoSuchRun: also when it is somebody else's.
        """
        await self.run(run_id, owner=owner)
        channel = f"run:{run_id}"
        return channel, self.engine.subscription_token(channel)

    def list_token(self, owner: OwnerId) -> tuple[str, str]:
        """The channel on which a caller's runs say how they stand, and a token to follow it."""
        channel = runs_channel(self._user(owner))
        return channel, self.engine.subscription_token(channel)

    def project_token(self, project_id: ProjectId) -> tuple[str, str]:
        """The channel on which the runs of a project say how they stand, and a token to follow it.

        The caller has seen to it that whoever gets it owns the project.
        """
        channel = f"project:{project_id}"
        return channel, self.engine.subscription_token(channel)

    async def cancel_many(
        self, which: RunFilter, *, owner: OwnerId, limit: int, cursor: str | None
    ) -> BulkDone:
        """Cancel the first `limit` of these runs that have not ended, each as `cancel` does.

        Raises:
            TooBroad: nothing says which runs. BadCursor.
        """
        page = await self._page(which, ACTIVE, owner=owner, limit=limit, cursor=cursor)
        done: list[tuple[RunId, RunId]] = []
        for run in page.items:
            with suppress(NoSuchRun):  # swept meanwhile
                if await self.cancel(run.run_id, owner=owner):
                    done.append((run.run_id, run.run_id))
        return BulkDone(tuple(done), (), page.next_cursor)

    async def replay_many(
        self, which: RunFilter, *, owner: OwnerId, limit: int, cursor: str | None
    ) -> BulkDone:
        """Replay the first `limit` of these runs that have failed.

        Cancelled ones only where their status is asked for. Those that have been repeated before
        are left alone, so that asking twice does it once.

        Raises:
            OperatorOnly. TooBroad: nothing says which runs. BadCursor.
        """
        self._check_operator()
        statuses = REPLAYABLE if which.status is not None else FAILED
        page = await self._page(which, statuses, owner=owner, limit=limit, cursor=cursor)
        before = await self.engine.inspect.replayed([run.run_id for run in page.items])
        done: list[tuple[RunId, RunId]] = []
        refused: list[tuple[RunId, Refused]] = []
        for run in page.items:
            if run.run_id in before:
                continue
            try:
                done.append((run.run_id, await self.engine.replay(run.run_id, once=True)))
            except Refused as why:
                refused.append((run.run_id, why))
        return BulkDone(tuple(done), tuple(refused), page.next_cursor)

    async def _page(
        self,
        which: RunFilter,
        statuses: frozenset[RunStatus],
        *,
        owner: OwnerId,
        limit: int,
        cursor: str | None,
    ) -> Page[RunSummary]:
        """Those of these runs that are in one of these statuses, too."""
        if which == RunFilter():
            raise TooBroad
        asked = any_of(which.status)
        wanted = statuses if asked is None else statuses & asked
        if not wanted:
            return Page((), None)
        which = replace(which, status=wanted)
        return await self.runs(which, owner=owner, limit=limit, cursor=cursor)

    async def rerun(
        self, run_id: str, *, from_step_id: str | None, data: Mapping[str, Any] | None
    ) -> RunId:
        """Repeat a run from a step or its start, with its event or with other data.

        Raises:
            OperatorOnly, NoSuchRun, NoSuchStep, CannotReplay, BadEvent.
        """
        self._check_operator()
        return await self.engine.rerun(run_id, from_step_id=from_step_id, data=data)

    async def replay(self, run_id: str) -> RunId:
        """Repeat a run from where it failed. Raises: OperatorOnly, NoSuchRun, CannotReplay."""
        self._check_operator()
        return await self.engine.replay(run_id)

    async def jobs(self) -> list[JobInfo]:
        """What jobs there are, and how they stand."""
        return await self.engine.inspect.jobs()

    async def pause(self, job_id: str) -> bool:
        """Let no run of a job start; False if it was paused. Raises: OperatorOnly, NoSuchJob."""
        self._check_operator()
        if not self.engine.inspect.has_job(job_id):
            raise NoSuchJob(job_id)
        has_changed = await self.engine.pause(job_id)
        await self._tell(JobNews(job=job_id, is_paused=True))
        return has_changed

    async def resume(self, job_id: str) -> bool:
        """Undo that, also of a job that is no more; False if it was not paused.

        Raises:
            OperatorOnly, NoSuchJob.
        """
        self._check_operator()
        has_changed = await self.engine.resume(job_id)
        if not has_changed and not self.engine.inspect.has_job(job_id):
            raise NoSuchJob(job_id)
        await self._tell(JobNews(job=job_id, is_paused=False))
        return has_changed

    async def _tell(self, news: JobNews) -> None:
        await self.engine.publish(ALL_RUNS, JOB, news)

    async def events(
        self, which: EventFilter, *, owner: OwnerId, limit: int, cursor: str | None
    ) -> Page[EventInfo]:
        """Events, last received first. Raises: BadCursor."""
        which = replace(which, user_id=self._user(owner))
        return await self.engine.inspect.events(which, limit=limit, cursor=cursor)

    async def event(self, event_id: str, *, owner: OwnerId) -> EventInfo:
        """An event. Raises: NoSuchEvent, also when it is somebody else's."""
        info = await self.engine.inspect.event(event_id)
        if self._user(owner) not in {None, info.user_id}:
            raise NoSuchEvent(event_id)
        return info

    async def effects(self, event_id: str, *, owner: OwnerId) -> EventEffects:
        """Which waits an event has ended and what it has cancelled, of what the caller may see."""
        return await self.engine.inspect.effects(event_id, user_id=self._user(owner))

    async def send(
        self, name: str, data: Mapping[str, Any], *, owner: OwnerId, event_id: str | None
    ) -> SentEvent:
        """Send an event in the operator's name. Raises: OperatorOnly, BadEvent."""
        self._check_operator()
        return await self.engine.send(Event(name, data, id=event_id, user=user_of(owner)))

    async def metrics(
        self, since: datetime, *, owner: OwnerId, job_id: str | None = None
    ) -> list[JobMetrics]:
        """How the runs did that ended since then, by job."""
        user_id = self._user(owner)
        return await self.engine.inspect.metrics(since, job_id=job_id, user_id=user_id)

    async def series(
        self, since: datetime, *, bucket_s: int, owner: OwnerId, job_id: str | None
    ) -> Series:
        """How the runs did since then, in buckets. Raises: TooManyBuckets."""
        return await self.engine.inspect.series(
            since, bucket_s=bucket_s, job_id=job_id, user_id=self._user(owner)
        )

    async def counts(self, which: RunFilter, *, owner: OwnerId) -> RunCounts:
        """How many runs there are in each status."""
        return await self.engine.inspect.counts(replace(which, user_id=self._user(owner)))

    async def queues(self) -> list[QueueDepth]:
        """The depth of every queue, for an operator; nothing for others."""
        return await self.engine.inspect.queues() if self.has_operator else []

    def _check_operator(self) -> None:
        if not self.has_operator:
            raise OperatorOnly

    def _user(self, owner: OwnerId) -> str | None:
        return None if self.has_operator else owner
