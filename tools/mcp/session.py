"""One session with one server: started, asked, ended; every wait has a bound."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from time import monotonic
from typing import Any, Protocol, Self, TypeVar, cast

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from pydantic import TypeAdapter, ValidationError

from core.background import until_one_ends
from core.errors import Refused
from tools.mcp.config import McpFailed, McpServer, ProgramServer
from tools.mcp.streams import SdkStreams

log = logging.getLogger(__name__)

T = TypeVar("T")

START_S = 30.0
LIST_S = 20.0
CALL_S = 120.0
END_S = 15.0
MAX_PAGES = 20
MAX_LISTED = 500  # tools of one server that are looked at
MAX_WORDS = 500  # of a server, in a text about it

CalledTool = types.CallToolResult | types.InputRequiredResult
_CALLED: TypeAdapter[CalledTool] = TypeAdapter(CalledTool)


class Transport(Protocol):
    """How one server is reached."""

    ended: asyncio.Event
    """Set when it has ended by itself."""

    flood: str
    """What it did beyond all bounds, if it did."""

    @property
    def last_words(self) -> str:
        """What it printed last beside its messages."""
        ...

    def connect(self) -> AbstractAsyncContextManager[SdkStreams]:
        """Reach it while the block runs."""
        ...


class Session:
    """A client of one server, living in a task of its own, which `run` is.

    Args:
        transport: how the server is reached.
    """

    def __init__(self, server: McpServer, transport: Transport) -> None:
        self.server = server
        self._transport = transport
        self._ended = transport.ended
        self._stop = asyncio.Event()
        self._opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.users = 0
        """How many ask it, or are about to."""
        self.used_at = monotonic()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked, or is about to."""
        return not (self._gone.is_set() or self._stop.is_set() or self._ended.is_set())

    @contextmanager
    def used(self) -> Generator[Self]:
        """It is not ended for being idle while the block runs."""
        self.users += 1
        try:
            yield self
        finally:
            self.users -= 1
            self.used_at = monotonic()

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin."""
        self._task = tasks.create_task(self._run())

    async def _run(self) -> None:
        try:
            async with Client(self._transport.connect(), cache=None) as client:  # pyright: ignore[reportArgumentType] - a context manager is all that it takes
                self._opened.set_result(client)
                await until_one_ends(self._stop.wait(), self._ended.wait())
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            if not self._opened.done():
                self._opened.set_exception(self._failed(_cause(error)))
                self._opened.exception()  # it may be that nobody waits
            else:
                log.info("mcp_session_broke", extra={"server": self.server.name})
        finally:
            self._gone.set()
            if not self._opened.done():
                self._opened.set_exception(self._failed("it was stopped"))
                self._opened.exception()

    async def opened(self) -> Client:
        """The client, once the server has said who it is. Raises: McpFailed."""
        try:
            async with asyncio.timeout(START_S):
                return await asyncio.shield(self._opened)
        except TimeoutError:
            await self.close()
            raise self._failed(f"it did not start within {START_S:g} seconds") from None

    async def close(self) -> None:
        """End it, and wait until nothing of it lives, for a bounded time."""
        self._stop.set()
        task = self._task
        if task is None:
            return
        if not self._opened.done():
            task.cancel()
        try:
            async with asyncio.timeout(END_S):
                await self._gone.wait()
        except TimeoutError:
            task.cancel()
            log.warning("mcp_session_not_ended", extra={"server": self.server.name})

    async def tools(self) -> list[types.Tool]:
        """The tools that it has, at most 500. Raises: McpFailed."""

        async def listed() -> list[types.Tool]:
            session = (await self.opened()).session
            found: list[types.Tool] = []
            cursor: str | None = None
            for _ in range(MAX_PAGES):
                params = types.PaginatedRequestParams(cursor=cursor)
                page = await session.list_tools(params=params)
                found += page.tools
                cursor = page.next_cursor
                if cursor is None or len(found) >= MAX_LISTED:
                    break
            return found[:MAX_LISTED]

        return await self._asked(listed, "did not list its tools", START_S + LIST_S)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> CalledTool:
        """What a tool comes to. When the caller is cancelled, a program is ended.

        Raises:
            McpFailed: no answer, an error, or nonsense.
        """
        request = types.CallToolRequest(
            params=types.CallToolRequestParams(name=name, arguments=dict(arguments))
        )

        async def called() -> CalledTool:
            # Not the SDK's `call_tool`, which checks results by patterns of the server's own: one
            # of them could hold the process up for ever.
            session = (await self.opened()).session
            return await session.send_request(request, _CALLED)

        try:
            return await self._asked(called, f"did not answer the call of {name!r}", CALL_S)
        except asyncio.CancelledError:
            if self.users <= 1 and isinstance(self.server, ProgramServer):
                await self.close()  # it may go on with what nobody wants any more
            raise

    async def _asked(self, ask: Callable[[], Awaitable[T]], what: str, timeout_s: float) -> T:
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline:
                return await ask()
        except TimeoutError:
            if not deadline.expired():
                raise
            await self.close()
            raise self._failed(f"it {what} within {timeout_s:g} seconds, and was ended") from None
        except MCPError as error:
            if self._ended.is_set() or not self.is_alive:
                await self.close()
                raise self._failed(self._ending()) from None
            raise self._failed(f"it answered with an error: {cut(error.message)}") from None
        except (ValidationError, ValueError, RecursionError):
            raise self._failed("it answered what the protocol does not have") from None
        except httpx2.HTTPError as error:
            raise self._failed(_cause(error)) from None

    def _ending(self) -> str:
        return (
            "it ended before it answered. What it has done until then is not known; it is started "
            "again with the next call"
        )

    def _failed(self, reason: str) -> McpFailed:
        text = f"The MCP server {self.server.name!r} failed: {self._transport.flood or reason}."
        if self._ended.is_set() and self._transport.last_words:
            text += f" It said last: {last(self._transport.last_words)}"
        return McpFailed(text)


def cut(text: str) -> str:
    """A text of a server as a remark: one line, of bounded length."""
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_WORDS else f"{plain[:MAX_WORDS]}…"


def last(text: str) -> str:
    """The end of what a program has printed, as `cut`."""
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_WORDS else f"…{plain[-MAX_WORDS:]}"


def _cause(error: BaseException) -> str:
    """Why, from what the SDK wraps in groups: the first error that was raised."""
    first = error
    while isinstance(first, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", first)
        first = group.exceptions[0]
    match first:
        case Refused():
            return str(first).removesuffix(".")
        case MCPError():
            return f"it answered with an error: {cut(first.message)}"
        case httpx2.HTTPError():
            return cut(str(first) or type(first).__name__).removesuffix(".")
        case OSError():
            return f"it could not be started: {first.strerror or first}"
        case _:
            return "it does not speak the protocol"
