"""Terminals of people: which there are, whose, and for how long."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from app.services.configuring import chosen_registries
from core.errors import Conflict, NotFound
from core.ids import OwnerId, ProjectId, new_id
from jobs.files.folder import ProjectFolder
from jobs.files.folders import ProjectFolders
from jobs.terminal.following import Following, ProjectGone
from store.gateway import Store
from tools.sandbox.sandbox import Sandbox
from tools.sandbox.shell import NotTaken, Shell, View, ViewEnd

__all__ = ["NotTaken", "Terminal", "Terminals", "View", "ViewEnd"]

log = logging.getLogger(__name__)

PER_PROJECT = 4
PER_OWNER = 8
PER_PROCESS = 40
UNSEEN_S = 15 * 60.0  # a shell that nobody looks at and that prints nothing is ended
UNUSED_S = 4 * 3600.0  # …, and one that somebody looks at
CHECK_S = 5.0


class TooManyTerminals(Conflict):
    """No further terminal may be opened."""

    code = "too_many_terminals"


class NoSuchTerminal(NotFound):
    """The session has ended, or is not the caller's, or runs in another process."""

    code = "no_such_terminal"

    def __init__(self) -> None:
        super().__init__("This terminal is not there any more; open a new one")


@dataclass
class Terminal:
    """A shell that was opened in a project."""

    session_id: str
    project_id: ProjectId
    owner: OwnerId
    shell: Shell
    why: str = ""
    """Why it was ended by us; "" if it was not."""

    @property
    def exit_code(self) -> int | None:
        """What it ended with by itself."""
        return None if self.shell.receipt is None else self.shell.receipt.code

    def end(self, why: str) -> None:
        """End it with all that it has started."""
        if not self.why:
            self.why = why
            self.shell.say(why)
        self.shell.stop()


class _Room:
    """A project with terminals: one follows its folder for all of them."""

    def __init__(self, store: Store, folder: ProjectFolder, project_id: ProjectId, owner: OwnerId):
        self.following = Following(store, folder, project_id, owner, self.say)
        self.terminals: list[Terminal] = []
        self.task: asyncio.Task[None] | None = None

    def say(self, text: str) -> None:
        for terminal in self.terminals:
            terminal.shell.say(text)


class Terminals:
    """The terminals of this process; an async context, all of them are dead when it has ended.

    Their folders are those of this process (docs/decisions/0008): beside a worker its own, where
    the agent's commands run too.
    """

    def __init__(self, store: Store, folders: ProjectFolders, sandbox: Sandbox) -> None:
        self._store = store
        self._folders = folders
        self._sandbox = sandbox
        self._known: dict[str, Terminal] = {}
        self._rooms: dict[ProjectId, _Room] = {}
        self._tasks = asyncio.TaskGroup()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Begin to look after terminals."""
        await self._tasks.__aenter__()
        self._checking = self._tasks.create_task(self._check())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all of them, and wait until they are dead and their files are stored."""
        self.close()
        self._checking.cancel()
        for terminal in tuple(self._known.values()):
            terminal.end("the server stops")
        await self._tasks.__aexit__(None, None, None)

    def close(self) -> None:
        """Open no more, and close all views: a server that stops waits for them."""
        self._is_closed = True
        for terminal in self._known.values():
            terminal.shell.close_view()

    @asynccontextmanager
    async def viewed(
        self, project_id: ProjectId, *, owner: OwnerId, session_id: str | None
    ) -> AsyncGenerator[tuple[Terminal, View]]:
        """A look at the caller's terminal of that id, or at a new one; the caller owns the project.

        Raises:
            NoSuchTerminal: there is none of that id.
            TooManyTerminals: there are enough.
            NoSandbox: this machine cannot have any.
            NotFound: the project is gone.
            StoreUnavailable, DiskFull: its files cannot be fetched.
        """
        if session_id is None:
            terminal = await self._open(project_id, owner)
        else:
            terminal = self._find(session_id, project_id, owner)
        with terminal.shell.viewed() as view:
            if self._is_closed:
                terminal.shell.close_view()
            yield terminal, view

    def end_project(self, project_id: ProjectId) -> None:
        """The project is deleted: its terminals end."""
        for terminal in tuple(self._known.values()):
            if terminal.project_id == project_id:
                terminal.end("the project was deleted")

    def _find(self, session_id: str, project_id: ProjectId, owner: OwnerId) -> Terminal:
        terminal = self._known.get(session_id)
        if terminal is None or (terminal.project_id, terminal.owner) != (project_id, owner):
            raise NoSuchTerminal
        return terminal

    async def _open(self, project_id: ProjectId, owner: OwnerId) -> Terminal:
        self._require_room(project_id, owner)
        folder = self._folders.folder(project_id, owner=owner)
        room = self._rooms.get(project_id)
        if room is None:
            room = self._rooms[project_id] = _Room(self._store, folder, project_id, owner)
        shell = Shell(room.following.touched)
        terminal = Terminal(new_id("term"), project_id, owner, shell)
        room.terminals.append(terminal)  # before it starts, so that it counts
        self._known[terminal.session_id] = terminal
        try:
            await folder.pull()
            settings = (await self._store.projects.owned(project_id, owner=owner)).settings
            registries = chosen_registries(settings)
            await shell.start(self._sandbox, folder.path, registries=registries)
        except BaseException:
            shell.abandon()
            self._forget(terminal, room)
            raise
        if room.task is None:
            room.task = self._tasks.create_task(self._follow(room))
        self._tasks.create_task(self._finish(terminal, room))
        log.info("terminal_opened", extra={"project_id": project_id})
        return terminal

    def _require_room(self, project_id: ProjectId, owner: OwnerId) -> None:
        open_now = self._known.values()
        if self._is_closed or len(self._known) >= PER_PROCESS:
            raise TooManyTerminals("The server takes no more terminals now. Try again later.")
        if sum(it.owner == owner for it in open_now) >= PER_OWNER:
            raise TooManyTerminals(f"You have {PER_OWNER} terminals open. Close one first.")
        if sum(it.project_id == project_id for it in open_now) >= PER_PROJECT:
            raise TooManyTerminals(
                f"{PER_PROJECT} terminals are open in this project. Close one first."
            )

    async def _finish(self, terminal: Terminal, room: _Room) -> None:
        try:
            await terminal.shell.finish()
        except OSError:  # the others have to go on
            log.exception("terminal_lost", extra={"session_id": terminal.session_id})
        finally:
            self._forget(terminal, room)
            if not room.terminals and room.task is not None:
                room.task.cancel()
        log.info("terminal_ended", extra={"project_id": terminal.project_id, "why": terminal.why})

    def _forget(self, terminal: Terminal, room: _Room) -> None:
        self._known.pop(terminal.session_id, None)
        room.terminals.remove(terminal)
        if not room.terminals and self._rooms.get(terminal.project_id) is room:
            del self._rooms[terminal.project_id]

    async def _follow(self, room: _Room) -> None:
        try:
            await room.following.run()
        except ProjectGone:
            for terminal in room.terminals:
                terminal.end("the project was deleted")
        finally:
            await room.following.settle()

    async def _check(self) -> None:
        """End those that nobody uses."""
        while True:
            await asyncio.sleep(CHECK_S)
            now = time.monotonic()
            for terminal in tuple(self._known.values()):
                most_s = UNUSED_S if terminal.shell.is_viewed else UNSEEN_S
                if now - terminal.shell.used_at > most_s:
                    terminal.end("ended: it was not used for long")
