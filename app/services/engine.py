"""Runs and events as a caller may see them: their own, or all where they are the operator."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.services.messages import Messaging
from core.errors import NotFound, Refused
from core.ids import OwnerId, ProjectId, RunId
from engine import Engine, Event, NoSuchRun, SentEvent
from engine.events import WireEvent
from engine.inspection import (
    EventFilter,
    EventInfo,
    NoSuchEvent,
    Page,
    QueueDepth,
    RunDetail,
    RunFilter,
    RunSummary,
)
from engine.inspection.metrics import JobMetrics
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

    def project_token(self, project_id: ProjectId) -> tuple[str, str]:
        """The channel on which the runs of a project say how they stand, and a token to follow it.

        The caller has seen to it that whoever gets it owns the project.
        """
        channel = f"project:{project_id}"
        return channel, self.engine.subscription_token(channel)

    async def replay(self, run_id: str) -> RunId:
        """Repeat a run from where it failed. Raises: OperatorOnly, NoSuchRun, CannotReplay."""
        if not self.has_operator:
            raise OperatorOnly
        return await self.engine.replay(run_id)

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

    async def send(
        self, name: str, data: Mapping[str, Any], *, owner: OwnerId, event_id: str | None
    ) -> SentEvent:
        """Send an event in the operator's name. Raises: OperatorOnly, BadEvent."""
        if not self.has_operator:
            raise OperatorOnly
        return await self.engine.send(Event(name, data, id=event_id, user=user_of(owner)))

    async def metrics(self, since: datetime, *, owner: OwnerId) -> list[JobMetrics]:
        """How the runs did that ended since then, by job."""
        return await self.engine.inspect.metrics(since, user_id=self._user(owner))

    async def queues(self) -> list[QueueDepth]:
        """The depth of every queue, for an operator; nothing for others."""
        return await self.engine.inspect.queues() if self.has_operator else []

    def _user(self, owner: OwnerId) -> str | None:
        return None if self.has_operator else owner
