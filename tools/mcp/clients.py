"""The MCP servers that run for projects: one session a project and server, owned by the worker."""

import asyncio
import importlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from core.collection import paused_collection
from tools.fetch.addresses import Allows, is_public
from tools.mcp.config import McpFailed, McpServer, ProgramServer, WebServer, fingerprint
from tools.mcp.offered import Listed, Offered, offered
from tools.output import ToolOutput
from tools.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from tools.mcp.session import Session
    from tools.outputs import Outputs

log = logging.getLogger(__name__)

IDLE_S = 600.0
LOOK_S = 30.0
MAX_SESSIONS = 24
MAX_FAILURES = 3  # within a minute: then it is left alone for one
FAILURES_S = 60.0
MAX_REMEMBERED = 1_000  # servers whose failures are known


@dataclass(frozen=True)
class _Key:
    folder: Path
    name: str


class McpClients:
    """Starts servers on demand, keeps them while they are used, and ends them.

    Args:
        sandbox: where programs run.
        outputs: where texts go that are too long to show.
        allows: which addresses may be asked.
        idle_s: after how long without a call a server is ended.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        outputs: "Outputs | None" = None,
        *,
        allows: Allows = is_public,
        idle_s: float = IDLE_S,
    ) -> None:
        self._sandbox = sandbox
        self._outputs = outputs
        self._allows = allows
        self._idle_s = idle_s
        self._sessions: dict[_Key, tuple[str, Session]] = {}
        self._starting: dict[_Key, asyncio.Lock] = {}
        self._failures: dict[_Key, deque[float]] = {}
        self._tasks = asyncio.TaskGroup()
        self._looking: asyncio.Task[None] | None = None
        self._importing = asyncio.Lock()
        self._is_imported = False

    async def __aenter__(self) -> Self:
        """Open; nothing runs yet."""
        await self._tasks.__aenter__()
        self._looking = self._tasks.create_task(self._end_idle())
        return self

    async def __aexit__(self, *error: Any) -> None:
        """End all servers."""
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*(session.close() for _, session in self._sessions.values()))
        self._sessions.clear()
        await self._tasks.__aexit__(*error)

    async def list(self, folder: Path, servers: Sequence[McpServer]) -> Listed:
        """The tools of a project's servers; one that fails takes its own tools away, with a reason.

        Args:
            folder: the project's files.
            servers: those that the project names.
        """
        await self._import()
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self._listed(folder, server)) for server in servers]
        return offered([task.result() for task in asked])

    async def call(
        self, folder: Path, server: McpServer, tool: Offered, arguments: Mapping[str, Any]
    ) -> ToolOutput:
        """Call a tool of a server. Raises: McpFailed."""
        await self._import()
        from tools.mcp.results import output_of  # noqa: PLC0415 - the SDK, at first use

        async with self._using(folder, server) as session:
            result = await session.call(tool.tool, arguments)
        return await output_of(result, folder, self._outputs)

    async def _listed(self, folder: Path, server: McpServer) -> tuple[str, Any]:
        try:
            async with self._using(folder, server) as session:
                return server.name, await session.tools()
        except McpFailed as failed:
            log.warning("mcp_server_failed", extra={"server": server.name})
            return server.name, str(failed)

    @asynccontextmanager
    async def _using(self, folder: Path, server: McpServer) -> "AsyncGenerator[Session]":
        """The session of this server, started if there is none. Raises: McpFailed."""
        key = _Key(folder, server.name)
        with ExitStack() as stack:
            async with self._starting.setdefault(key, asyncio.Lock()):
                mark = fingerprint(server)
                known = self._sessions.get(key)
                if known is not None and known[0] == mark and known[1].is_alive:
                    session = stack.enter_context(known[1].used())
                else:
                    if known is not None:
                        del self._sessions[key]
                        await known[1].close()
                    session = stack.enter_context((await self._begun(key, server)).used())
                    self._sessions[key] = (mark, session)
                await self._opened(key, session)
            yield session

    async def _begun(self, key: _Key, server: McpServer) -> "Session":
        self._check_failures(key)
        await self._make_room()
        session = self._made(key.folder, server)
        session.start(self._tasks)
        return session

    async def _opened(self, key: _Key, session: "Session") -> None:
        try:
            await session.opened()
        except BaseException as error:
            if key in self._sessions and self._sessions[key][1] is session:
                del self._sessions[key]
            await session.close()
            if isinstance(error, McpFailed):
                self._note_failure(key)
            raise

    def _made(self, folder: Path, server: McpServer) -> "Session":
        from tools.mcp.program import Program  # noqa: PLC0415 - the SDK, at first use
        from tools.mcp.session import Session  # noqa: PLC0415 - as above
        from tools.mcp.web import Web  # noqa: PLC0415 - as above

        match server:
            case ProgramServer():
                return Session(server, Program(server, self._sandbox, folder))
            case WebServer():
                return Session(server, Web(server, self._allows))

    async def _make_room(self) -> None:
        while len(self._sessions) >= MAX_SESSIONS:
            idle = [
                (each.used_at, key) for key, (_, each) in self._sessions.items() if not each.users
            ]
            if not idle:
                raise McpFailed(
                    f"{MAX_SESSIONS} MCP servers are busy on this worker. Try again in a moment."
                )
            _, oldest = min(idle, key=lambda pair: pair[0])
            _, session = self._sessions.pop(oldest)
            await session.close()

    async def _end_idle(self) -> None:
        while True:
            await asyncio.sleep(min(LOOK_S, self._idle_s))
            for key, (_, session) in list(self._sessions.items()):
                is_idle = monotonic() - session.used_at > self._idle_s and not session.users
                if is_idle or not session.is_alive:
                    self._sessions.pop(key, None)
                    await session.close()
            for key in [key for key, lock in self._starting.items() if not lock.locked()]:
                if key not in self._sessions:
                    del self._starting[key]

    def _check_failures(self, key: _Key) -> None:
        failures = self._failures.get(key, deque[float]())
        while failures and monotonic() - failures[0] > FAILURES_S:
            failures.popleft()
        if len(failures) >= MAX_FAILURES:
            raise McpFailed(
                f"The MCP server {key.name!r} failed to start {MAX_FAILURES} times within a minute "
                "and is left alone for one. Do without it for now."
            )

    def _note_failure(self, key: _Key) -> None:
        if len(self._failures) >= MAX_REMEMBERED:
            self._failures.clear()
        self._failures.setdefault(key, deque[float](maxlen=MAX_FAILURES)).append(monotonic())

    async def _import(self) -> None:
        async with self._importing:
            if not self._is_imported:
                with paused_collection():
                    await asyncio.to_thread(_import_sdk)
                self._is_imported = True


def _import_sdk() -> None:
    for name in ("program", "session", "web"):  # most of a second
        importlib.import_module(f"tools.mcp.{name}")
