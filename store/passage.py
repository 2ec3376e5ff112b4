"""Convex as its own clients speak to it: requests and sockets that pass through, unread.

What a client says to Convex over our origin goes there byte for byte; who calls is Convex's to
judge, by the token in the request. Nothing of ours, the internal key above all, is added.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import aiohttp
from yarl import URL

from store.errors import StoreUnavailable

Headers = Sequence[tuple[str, str]]

MESSAGE_BYTES = 32 * 1024 * 1024  # of one message of Convex: a transition has many documents
CHUNK_BYTES = 64 * 1024
AWAY = "Convex cannot be reached"

_TIMES = aiohttp.ClientTimeout(total=None, sock_connect=3.0, sock_read=660.0)  # an action: 10 min
_UNSAID = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CONNECTIONS = 256


@dataclass(frozen=True)
class Closed:
    """How the socket ended."""

    code: int
    reason: str


@dataclass(frozen=True)
class PassedAnswer:
    """An answer of Convex whose head has come."""

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]


class SocketRefused(Exception):
    """Convex is there and takes no socket at that address."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Convex answers {status}")
        self.status = status


class PassedSocket:
    """A socket to Convex."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        """Pass a message there. Raises: StoreUnavailable: it is gone."""
        try:
            if isinstance(message, str):
                await self._socket.send_str(message)
            else:
                await self._socket.send_bytes(message)
        except (aiohttp.ClientError, ConnectionError) as gone:
            raise StoreUnavailable(AWAY) from gone

    async def receive(self) -> str | bytes | Closed:
        """The next message from there."""
        message = await self._socket.receive()
        if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            data: str | bytes = message.data
            return data
        reason = message.extra if message.type is aiohttp.WSMsgType.CLOSE else None
        return Closed(self._socket.close_code or aiohttp.WSCloseCode.ABNORMAL_CLOSURE, reason or "")

    async def close(self, code: int, reason: str) -> None:
        """End it."""
        await self._socket.close(code=code, message=reason.encode())


class Passage:
    """The way through to one Convex; an async context manager."""

    def __init__(self, url: str) -> None:
        self._base = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=30),
            timeout=_TIMES,
            skip_auto_headers=_UNSAID,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=CHUNK_BYTES,
        )
        self._sockets = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool; what still passes breaks off."""
        if self._session is not None:
            await self._session.close()
            await self._sockets.close()

    @asynccontextmanager
    async def request(
        self, method: str, target: str, *, headers: Headers, body: AsyncIterator[bytes] | bytes
    ) -> AsyncGenerator[PassedAnswer]:
        """Pass a request; `target` is path and query, as they came.

        Raises:
            StoreUnavailable: Convex cannot be reached, or has gone before it answered.
        """
        assert self._session is not None, "use it as an async context manager"  # noqa: S101 - of ours
        try:
            answer = await self._session.request(
                method,
                URL(self._base + target, encoded=True),
                headers=list(headers),
                data=body or None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as gone:
            raise StoreUnavailable(AWAY) from gone
        try:
            raw = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in answer.raw_headers
            ]
            yield PassedAnswer(answer.status, raw, answer.content.iter_any())
        finally:
            answer.release() if answer.content.is_eof() else answer.close()

    @asynccontextmanager
    async def socket(self, target: str, *, headers: Headers) -> AsyncGenerator[PassedSocket]:
        """Open a socket there.

        Raises:
            SocketRefused: Convex takes no socket there.
            StoreUnavailable: Convex cannot be reached.
        """
        assert self._session is not None, "use it as an async context manager"  # noqa: S101 - of ours
        try:
            socket = await self._sockets.ws_connect(
                URL(self._base + target, encoded=True),
                headers=list(headers),
                max_msg_size=MESSAGE_BYTES,
                autoclose=True,
            )
        except aiohttp.WSServerHandshakeError as refused:
            raise SocketRefused(refused.status) from refused
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as gone:
            raise StoreUnavailable(AWAY) from gone
        try:
            yield PassedSocket(socket)
        finally:
            async with asyncio.timeout(10):
                await socket.close()
