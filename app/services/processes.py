"""What agents have started in a project and goes on: its output, and an end to it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from core.ids import OwnerId, ProjectId
from core.text import printed_text
from jobs.files.folders import ProjectFolders
from store.gateway import Store
from tools.sandbox.processes import Process, Processes

STOP_S = 30.0


@dataclass(frozen=True)
class ShownProcess:
    """A process as a person sees it; `ending` says in a word how it ended, once it has.

    `exit_code` is None where it was ended by us.
    """

    process_id: str
    command: str
    started_at: datetime
    output: str
    ending: str | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None


class ProjectProcesses:
    """The processes of projects, as far as they run in this process (docs/decisions/0008)."""

    def __init__(self, store: Store, folders: ProjectFolders, processes: Processes) -> None:
        self._store = store
        self._folders = folders
        self._processes = processes

    async def listed(self, project_id: ProjectId, *, owner: OwnerId) -> list[ShownProcess]:
        """Those that run, and some that have ended, by their start. Raises: NotFound."""
        await self._store.projects.owned(project_id, owner=owner)
        folder = self._folders.folder(project_id, owner=owner)
        return [_shown(process) for process in self._processes.of(folder.path)]

    async def stop(self, project_id: ProjectId, process_id: str, *, owner: OwnerId) -> ShownProcess:
        """End it with all that it has started; one that has ended stays as it is.

        Raises:
            NotFound: not the owner's project.
            NoSuchProcess: it has none of that id.
        """
        await self._store.projects.owned(project_id, owner=owner)
        folder = self._folders.folder(project_id, owner=owner)
        process = self._processes.find(process_id, folder.path)
        if process.receipt is None:
            async with asyncio.timeout(STOP_S):
                await self._processes.stop(process)
        return _shown(process)


def _shown(process: Process) -> ShownProcess:
    receipt = process.receipt
    output = printed_text(bytes(process.shown))
    if receipt is None:
        return ShownProcess(process.process_id, process.command, process.started_at, output)
    return ShownProcess(
        process.process_id,
        process.command,
        process.started_at,
        output,
        ending=receipt.ending.value,
        ended_at=receipt.at,
        exit_code=receipt.code,
    )
