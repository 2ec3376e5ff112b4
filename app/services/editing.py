"""People's editors: which there are, in whose projects, beside the agent's language servers."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from core.errors import Conflict, NotFound
from core.ids import OwnerId, ProjectId
from jobs.files.folders import ProjectFolders
from tools.lsp.editor import Editor, TooManyMistakes
from tools.lsp.editors import Editors
from tools.lsp.language_servers import LanguageServers
from tools.lsp.servers import NoServer

__all__ = ["Editing", "Outlet", "TooManyEditors", "TooManyMistakes"]

log = logging.getLogger(__name__)

PER_PROJECT = 20
PER_OWNER = 40
PER_PROCESS = 400
QUEUED_BYTES = 8 * 1024 * 1024  # a client that takes less than it is told is left behind


class TooManyEditors(Conflict):
    """No further editor may join."""

    code = "too_many_editors"


class NoSuchLanguage(NotFound):
    """No language server is for it."""

    code = "no_such_language"


class Outlet:
    """What one editor is to be told; it ends when the editor is too slow, or is to leave."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._bytes = 0
        self.why = ""
        """Why it ended before the editor left: "too slow", "gone", "closed"."""

    def put(self, text: str) -> None:
        """One message more, unless it has ended."""
        self._bytes += len(text)
        if self._bytes > QUEUED_BYTES:
            self.end("too slow")
        if not self.why:
            self._queue.put_nowait(text)

    def end(self, why: str) -> None:
        """Nothing more comes."""
        if not self.why:
            self.why = why
            self._queue.put_nowait(None)

    async def texts(self) -> AsyncGenerator[str]:
        """The messages, until it ends."""
        while not self.why:
            text = await self._queue.get()
            if text is None:
                return
            yield text
            self._bytes -= len(text)


@dataclass
class _Room:
    """The editors of one project and language, and what tells them."""

    editors: Editors
    project_id: ProjectId
    outlets: dict[Outlet, OwnerId] = field(default_factory=dict[Outlet, OwnerId])
    task: asyncio.Task[None] | None = None


class Editing:
    """The editors of this process; an async context.

    Beside a worker they work with its folders and language servers, where the agent does.
    """

    def __init__(self, folders: ProjectFolders, servers: LanguageServers) -> None:
        self._folders = folders
        self._servers = servers
        self._rooms: dict[tuple[ProjectId, str], _Room] = {}
        self._tasks = asyncio.TaskGroup()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Begin to take editors."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take no more, and let all leave."""
        self.close()
        for room in self._rooms.values():
            if room.task is not None:
                room.task.cancel()
        await self._tasks.__aexit__(None, None, None)

    def close(self) -> None:
        """Take no more, and let all leave: a server that stops waits for them."""
        self._is_closed = True
        for room in self._rooms.values():
            for outlet in room.outlets:
                outlet.end("closed")

    @asynccontextmanager
    async def joined(
        self, project_id: ProjectId, *, owner: OwnerId, language: str
    ) -> AsyncGenerator[tuple[Editor, Outlet]]:
        """An editor more in a project that the caller owns, until the block ends.

        Raises:
            NoSuchLanguage: no language server is for it.
            TooManyEditors: there are enough.
            NotFound: the project is gone.
            StoreUnavailable, DiskFull: its files cannot be fetched.
        """
        try:
            server = self._servers.server_named(language)
        except NoServer as unknown:
            raise NoSuchLanguage(str(unknown)) from None
        self._require_room(project_id, owner)
        folder = self._folders.folder(project_id, owner=owner)
        key = (project_id, server.name)
        room = self._rooms.get(key)
        if room is None:
            editors = Editors(self._servers, server, folder.path, folder.pull)
            room = self._rooms[key] = _Room(editors, project_id)
        outlet = Outlet()
        room.outlets[outlet] = owner
        try:
            await folder.pull()
            if room.task is None:
                room.task = self._tasks.create_task(self._tell(room))
            async with room.editors.joined(outlet.put) as editor:
                yield editor, outlet
        finally:
            del room.outlets[outlet]
            if not room.outlets and self._rooms.get(key) is room:
                del self._rooms[key]
                if room.task is not None:
                    room.task.cancel()

    def end_project(self, project_id: ProjectId) -> None:
        """The project is deleted: its editors leave."""
        for room in self._rooms.values():
            if room.project_id == project_id:
                for outlet in room.outlets:
                    outlet.end("gone")

    async def _tell(self, room: _Room) -> None:
        why = "failed"
        try:
            await room.editors.run()
        except NotFound:
            why = "gone"
        except Exception:  # the rim: one room that fails is not the end of the others
            log.exception("editors_failed", extra={"project_id": room.project_id})
        for outlet in tuple(room.outlets):
            outlet.end(why)

    def _require_room(self, project_id: ProjectId, owner: OwnerId) -> None:
        everyone = [owner for room in self._rooms.values() for owner in room.outlets.values()]
        if self._is_closed or len(everyone) >= PER_PROCESS:
            raise TooManyEditors("The server takes no more editors now. Try again later.")
        if everyone.count(owner) >= PER_OWNER:
            raise TooManyEditors(f"You have {PER_OWNER} editors open. Close one first.")
        here = sum(
            len(room.outlets) for room in self._rooms.values() if room.project_id == project_id
        )
        if here >= PER_PROJECT:
            raise TooManyEditors(f"{PER_PROJECT} editors are open in this project already.")
