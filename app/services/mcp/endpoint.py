"""The MCP server behind one address, stateless: each request brings its token, any process answers.

Clients of protocol 2026-07-28 cancel a call by closing its answer. Those of 2025 name the request
in a message of its own: their session is a name that we give and they bring along, by which the
call is found, as long as the same process is asked.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from app.services.mcp.project_tools import ProjectTools
from app.services.mcp.running import CallKey, RunningCalls
from app.services.mcp.tokens import McpCaller, McpTokens
from core.collection import paused_collection
from core.errors import Refused, Transient

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SESSION_HEADER = "mcp-session-id"
READY_S = 30.0  # importing the SDK, on a machine that is busy
MAX_CONTROL_BYTES = 64 * 1024  # of a message that we look into: a handshake, a cancel
MAX_SESSION_CHARS = 128


class McpNotReady(Transient):
    """The server is being started, or stopped."""

    code = "mcp_not_ready"


class ForeignOrigin(Refused):
    """A page of another origin asks: a browser sends whatever a page tells it to."""

    code = "foreign_origin"

    def __init__(self) -> None:
        super().__init__(
            "Pages of this origin may not use MCP here; POLARIS_CORS_ORIGINS names those that may"
        )


class McpEndpoint:
    """Gives requests that were let in to the SDK. `run` has to run beside it.

    Args:
        origins: whose pages may use it.
        body_bytes: how large a body may be.
    """

    def __init__(
        self, tokens: McpTokens, tools: ProjectTools, *, origins: Collection[str], body_bytes: int
    ) -> None:
        self.tokens = tokens
        self.origins = frozenset(origins)
        self._tools = tools
        self._body_bytes = body_bytes
        self._wanted = asyncio.Event()
        self._ready = asyncio.Event()
        self._closed = asyncio.Event()
        self._running: RunningCalls | None = None
        self._manager: StreamableHTTPSessionManager | None = None

    async def run(self) -> None:
        """Serve until cancelled; the SDK is imported when the first request comes."""
        await self._wanted.wait()
        async with RunningCalls() as running:
            with paused_collection():
                manager = await asyncio.to_thread(self._made, running)
            async with manager.run():
                self._running, self._manager = running, manager
                self._ready.set()
                await self._closed.wait()
            self._manager = None

    def close(self) -> None:
        """End all calls: a server that stops waits for its answers."""
        self._closed.set()
        self._wanted.set()

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, caller: McpCaller, body: bytes
    ) -> None:
        """Answer a POST of this caller, whose body was read. Raises: McpNotReady."""
        running, manager = await self._started()
        message = _control_message(body)
        session = _session_of(scope)
        if message.get("method") == "notifications/cancelled" and session:
            params = message.get("params")
            named = cast("dict[str, Any]", params) if isinstance(params, dict) else {}
            key = CallKey(caller.token_hash, session, repr(named.get("requestId")))
            running.cancel(key)
            await _accept(send)
            return
        scope.setdefault("state", {})["mcp_caller"] = caller
        named_send = _naming(send) if message.get("method") == "initialize" else send
        await manager.handle_request(scope, _replayed(body, receive), named_send)

    async def end_session(self, caller: McpCaller, session: str) -> None:
        """End the calls of a session."""
        if self._running is not None and session:
            self._running.cancel_session(caller.token_hash, session)

    async def _started(self) -> "tuple[RunningCalls, StreamableHTTPSessionManager]":
        self._wanted.set()
        try:
            async with asyncio.timeout(READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise McpNotReady("the MCP server did not start in time") from None
        if self._running is None or self._manager is None:
            raise McpNotReady("the MCP server is stopping")
        return self._running, self._manager

    def _made(self, running: RunningCalls) -> "StreamableHTTPSessionManager":
        from mcp.server.streamable_http_manager import (  # noqa: PLC0415 - a second, at first use
            StreamableHTTPSessionManager,
        )

        from app.services.mcp.server import server_of  # noqa: PLC0415 - as above

        return StreamableHTTPSessionManager(
            server_of(self._tools, running),
            stateless=True,
            max_request_body_size=self._body_bytes,
        )


def _session_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == SESSION_HEADER.encode():
            return value.decode("latin-1")[:MAX_SESSION_CHARS]
    return ""


def _control_message(body: bytes) -> Mapping[str, Any]:
    """A message that is short; what is long, or none, is left to the SDK."""
    if len(body) > MAX_CONTROL_BYTES:
        return {}
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", message) if isinstance(message, dict) else {}


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body first, and then what comes."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _naming(send: Send) -> Send:
    """A `send` that gives the session of a client of 2025 its name."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:  # noqa: PLR2004
            name = secrets.token_hex(16).encode()
            message["headers"] = [*message["headers"], (SESSION_HEADER.encode(), name)]
        await send(message)

    return named


async def _accept(send: Send) -> None:
    await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b""})
