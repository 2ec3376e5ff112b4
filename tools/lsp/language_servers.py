"""The language servers of a worker: started on demand, again when they die, ended when unused."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from core.errors import Refused
from tools.lsp.buffers import Buffers
from tools.lsp.errors import Busy, Declined, Died, Nonsense, Outdated, ServerFailed, Silent
from tools.lsp.servers import SERVERS, NoServer, Server, command_of, server_of
from tools.lsp.session import Session, Times
from tools.workspace.paths import parent_of
from tools.workspace.port import RelPath

T = TypeVar("T")

log = logging.getLogger(__name__)

Wrap = Callable[[Sequence[str], Path], tuple[Sequence[str], Mapping[str, str]]]
"""How a program is started for a folder: its whole command, and all of its environment."""

MAX_SESSIONS = 12  # of a worker: a server for TypeScript takes 50 to 600 MB
MAX_DEATHS = 3  # within `DEATHS_WITHIN_S`: then it is left alone for as long
DEATHS_WITHIN_S = 60.0
MAX_FORGETFUL = 500  # servers whose deaths are remembered
SWEEP_S = 15.0


def plainly(argv: Sequence[str], _: Path) -> tuple[Sequence[str], Mapping[str, str]]:
    """Start it as it is, with nothing of our environment."""
    return argv, {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass
class _Running:
    """A session, and when its program has started and was used."""

    session: Session
    opened: asyncio.Event
    used_at: float
    ready: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_ready: bool = False
    has_answered: bool = False


Key = tuple[Path, str]


@dataclass(frozen=True)
class _Home:
    """Where a server works: in `start`, on the files of the project at `root`."""

    root: Path
    start: Path
    server: Server

    @property
    def key(self) -> Key:
        return self.start, self.server.name


class LanguageServers:
    """One session for each folder and language; use it with `async with`.

    Every wait has a bound. When the block ends, all of the programs are dead.

    Args:
        wrap: starts a program in a sandbox; the folder is the one that it may see.
        servers: the table; the first that knows a suffix is taken.
    """

    def __init__(
        self,
        *,
        wrap: Wrap = plainly,
        servers: Sequence[Server] = SERVERS,
        times: Times | None = None,
        max_sessions: int = MAX_SESSIONS,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self.servers = tuple(servers)
        self._wrap = wrap
        self._times = times or Times()
        self._max_sessions = max_sessions
        self._sweep_s = min(sweep_s, self._times.idle_s)
        self._running: dict[Key, _Running] = {}
        self._deaths: dict[Key, deque[float]] = {}
        self._tasks = asyncio.TaskGroup()
        self._sweeper: asyncio.Task[None] | None = None
        self._buffers: dict[tuple[Path, str], Buffers] = {}
        self._warming: dict[tuple[Path, str], asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._sweeper = self._tasks.create_task(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all of them; an error of the block is passed on as it is, not in a group."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._warming.values():
            task.cancel()
        running, self._running = self._running, {}
        for each in running.values():
            each.session.talk.stop()
        await self._tasks.__aexit__(None, None, None)

    @property
    def running(self) -> int:
        """How many programs are held."""
        return len(self._running)

    def server_of(self, path: RelPath) -> Server:
        """The one that knows a file. Raises: NoServer."""
        return server_of(self.servers, path)

    def server_named(self, name: str) -> Server:
        """The one of a language, such as typescriptreact, or of that name itself.

        Raises: NoServer.
        """
        for server in self.servers:
            if name == server.name or name in server.languages.values():
                return server
        raise NoServer(f"No language server is for {name[:100]!r}.")

    def buffers_of(self, folder: Path, server: Server) -> Buffers:
        """What people's editors have open of a project, for its sessions of one server.

        To be asked for at each use: one with no open document may be forgotten.
        """
        return self._buffers.setdefault((folder.resolve(), server.name), Buffers())

    async def use(
        self,
        folder: Path,
        path: RelPath,
        work: Callable[[Session], Awaitable[T]],
        *,
        beside_others: bool = False,
    ) -> T:
        """Do `work` with the session for a file, which it has for itself meanwhile.

        A server that dies meanwhile is started again, and `work` is done once more from its start.
        With `beside_others` it shares the session with others that do: it shows no texts.

        Raises:
            NoServer: no server knows the file, or its program is not installed.
            ServerFailed: it died again, did not answer in time, or made no sense.
        """
        server = self.server_of(path)
        home = await asyncio.to_thread(_home_of, folder, path, server)
        with suppress(Died, Outdated):
            return await self._work(home, work, beside_others=beside_others)
        try:
            return await self._work(home, work, beside_others=beside_others)
        except (Died, Outdated):
            raise ServerFailed(
                f"The language server {server.name} has ended twice while it was asked, so there "
                "is no answer. Go on without it: read the files or search their text."
            ) from None

    async def is_warm(self, folder: Path, path: RelPath) -> bool:
        """Whether the session for a file has answered before: then it has read the project.

        Raises: NoServer.
        """
        home = await asyncio.to_thread(_home_of, folder, path, self.server_of(path))
        running = self._running.get(home.key)
        return running is not None and running.has_answered

    def warm(self, folder: Path, path: RelPath, text: str) -> None:
        """Let the server for a file read the project, beside what the caller does.

        `text` is what the file holds; the disk may have it or not. Raises: NoServer.
        """
        key = (folder, self.server_of(path).name)
        if key in self._warming:
            return
        task = self._warming[key] = self._tasks.create_task(self._warm(folder, path, text))
        task.add_done_callback(lambda _: self._warming.pop(key, None))

    async def _warm(self, folder: Path, path: RelPath, text: str) -> None:
        async def look(session: Session) -> None:
            session.show(path, text, is_staged=True)
            await session.findings(path)

        try:
            await self.use(folder, path, look)
        except Refused as refused:  # whoever asks next is told
            log.info("language_server_not_warm", extra={"why": type(refused).__name__})
        except Exception:  # no edit fails because of it, nor does the worker
            log.exception("language_server_failed")

    async def _work(
        self, home: _Home, work: Callable[[Session], Awaitable[T]], *, beside_others: bool
    ) -> T:
        running = await self._started(home)
        server = home.server
        session = running.session
        received = session.talk.received
        try:
            async with session.shared_turn() if beside_others else session.turn():
                done = await work(session)
                running.has_answered = True
                return done
        except Busy:
            raise ServerFailed(
                f"The language server {server.name} is busy with other calls. "
                "Try again in a moment."
            ) from None
        except Silent:
            if session.talk.received == received:  # not one message meanwhile: it hangs
                self._fail(home, running)
            raise ServerFailed(_silent(server)) from None
        except Nonsense as nonsense:
            self._fail(home, running)
            raise ServerFailed(_nonsense(server, nonsense)) from None
        except Died:
            self._fail(home, running)
            raise
        except Outdated:
            self._end(running)
            raise
        except Declined as declined:
            raise ServerFailed(f"The language server {server.name} answers: {declined}") from None
        finally:
            running.used_at = _now()

    async def _started(self, home: _Home) -> _Running:
        running = self._running.get(home.key)
        if running is None:
            running = self._start(home)
        running.used_at = _now()
        async with running.ready:
            if not running.is_ready:
                await self._make_ready(running, home)
        running.used_at = _now()
        return running

    def _start(self, home: _Home) -> _Running:
        self._refuse_after_deaths(home)
        self._make_room()
        from tools.lsp.rpc import Connection  # noqa: PLC0415 - see `tools.lsp.talk`

        argv, environment = self._wrap(command_of(home.server), home.root)
        session = Session(
            home.root,
            home.start,
            home.server,
            times=self._times,
            connect=Connection,
            buffers=self._buffers.setdefault((home.root, home.server.name), Buffers()),
        )
        opened = asyncio.Event()
        self._tasks.create_task(
            self._live(home, session, argv, environment=environment, opened=opened)
        )
        running = self._running[home.key] = _Running(session, opened, _now())
        return running

    async def _live(
        self,
        home: _Home,
        session: Session,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        opened: asyncio.Event,
    ) -> None:
        """From the start of a program to its end, which is noted."""
        try:
            await session.talk.run(argv, folder=home.start, environment=environment, opened=opened)
            if self._holds(home, session):
                self._note_death(home.key)
                log.warning("language_server_ended", extra={"server": home.server.name})
        except Exception:  # one server that fails is not the end of the worker
            self._note_death(home.key)
            log.exception("language_server_failed", extra={"server": home.server.name})
        finally:
            if self._holds(home, session):
                del self._running[home.key]
            opened.set()

    def _holds(self, home: _Home, session: Session) -> bool:
        """Whether it is still in use; else it was ended by us."""
        running = self._running.get(home.key)
        return running is not None and running.session is session

    async def _make_ready(self, running: _Running, home: _Home) -> None:
        server = home.server
        try:
            async with asyncio.timeout(self._times.start_s):
                await running.opened.wait()
            await running.session.initialize()
            running.is_ready = True
        except (TimeoutError, Silent):
            self._fail(home, running)
            raise ServerFailed(_silent(server)) from None
        except Nonsense as nonsense:
            self._fail(home, running)
            raise ServerFailed(_nonsense(server, nonsense)) from None
        except Died:
            self._fail(home, running)
            raise
        except Declined as declined:
            raise ServerFailed(
                f"The language server {server.name} refuses to start: {declined}"
            ) from None
        finally:
            if not running.is_ready:
                self._end(running)

    def _end(self, running: _Running) -> None:
        """Kill it; the next call starts another."""
        running.session.talk.stop()
        for key, held in list(self._running.items()):
            if held is running:
                del self._running[key]

    def _fail(self, home: _Home, running: _Running) -> None:
        """It has died or is no use; several calls may find that out, it counts once."""
        if self._holds(home, running.session):
            self._note_death(home.key)
            self._end(running)

    def _make_room(self) -> None:
        """Raises: ServerFailed."""
        if len(self._running) < self._max_sessions:
            return
        idle = [each for each in self._running.values() if not each.session.is_busy]
        if not idle:
            raise ServerFailed(
                f"All {self._max_sessions} language servers of this worker are busy. "
                "Try again in a moment."
            )
        self._end(min(idle, key=lambda each: each.used_at))

    def _note_death(self, key: Key) -> None:
        while len(self._deaths) >= MAX_FORGETFUL:
            del self._deaths[next(iter(self._deaths))]
        self._deaths.setdefault(key, deque(maxlen=MAX_DEATHS)).append(_now())

    def _refuse_after_deaths(self, home: _Home) -> None:
        """Raises: ServerFailed."""
        deaths = self._deaths.get(home.key, ())
        recent = [at for at in deaths if at > _now() - DEATHS_WITHIN_S]
        if len(recent) >= MAX_DEATHS:
            wait_s = recent[0] + DEATHS_WITHIN_S - _now()
            raise ServerFailed(
                f"The language server {home.server.name} has failed {MAX_DEATHS} times within "
                f"a minute in this project, and is not started again for {wait_s:.0f} seconds. "
                "Go on without it: read the files or search their text."
            )

    async def _sweep(self) -> None:
        """End what nobody has used for long, and what stands in a folder that is gone."""
        while True:
            await asyncio.sleep(self._sweep_s)
            for running in list(self._running.values()):
                is_there = await asyncio.to_thread(running.session.root.is_dir)
                if running.session.is_busy or not running.is_ready:
                    continue
                if not is_there or running.used_at < _now() - self._times.idle_s:
                    self._end(running)
            used = {
                (each.session.root, each.session.server.name) for each in self._running.values()
            }
            self._buffers = {
                key: each for key, each in self._buffers.items() if each.paths or key in used
            }


def _now() -> float:
    return asyncio.get_running_loop().time()


def _home_of(folder: Path, path: RelPath, server: Server) -> _Home:
    """The session starts in the nearest folder around the file with a marker, else in the root."""
    root = folder.resolve()
    above = parent_of(path) if server.root_markers else ""
    while above:
        if any((root / above / marker).is_file() for marker in server.root_markers):
            return _Home(root, root / above, server)
        above = parent_of(RelPath(above))
    return _Home(root, root, server)


def _silent(server: Server) -> str:
    return (
        f"There is no answer yet: the language server {server.name} has not answered in time. "
        "It may still be reading the project. Try once more, or go on without it."
    )


def _nonsense(server: Server, nonsense: Nonsense) -> str:
    return (
        f"The language server {server.name} gave an answer that makes no sense ({nonsense}), so "
        "there is none. It is started anew at the next call."
    )
