"""A server on the internet: reached as pages are, past the same guard, with a bound on answers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import httpx2
from mcp.client.streamable_http import streamable_http_client
from yarl import URL

from tools.fetch.addresses import Allows, NotFetched, PublicResolver, checked
from tools.mcp.config import WebServer
from tools.mcp.streams import MAX_MESSAGE_BYTES, SdkStreams

CONNECT_S = 15.0
CHUNK = 64 * 1024
LEFT_OUT = frozenset({"host", "content-length", "transfer-encoding", "connection"})
OWN_ENCODING = "identity"


class TooLong(httpx2.ReadError):
    """An answer is longer than a server's answer has to be."""


class Web:
    """Requests to one server.

    Args:
        allows: which addresses may be connected to.
    """

    def __init__(self, server: WebServer, allows: Allows) -> None:
        self._server = server
        self._allows = allows
        self.ended = asyncio.Event()  # never set: each request stands for itself
        self.flood = ""
        self.last_words = ""

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[SdkStreams]:
        """Be ready to ask it while the block runs. Raises: NotFetched."""
        checked(self._server.url, self._allows)
        connector = aiohttp.TCPConnector(
            resolver=PublicResolver(self._allows), use_dns_cache=False, limit=16
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                auto_decompress=False,
                trust_env=False,
            ) as session,
            httpx2.AsyncClient(
                transport=_Guarded(session, self._allows),
                headers={"User-Agent": "Polaris", **self._server.headers},
                trust_env=False,
            ) as client,
            streamable_http_client(
                self._server.url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES
            ) as streams,
        ):
            yield streams


class _Guarded(httpx2.AsyncBaseTransport):
    """Carries the SDK's requests over aiohttp, where addresses are judged at the connection."""

    def __init__(self, session: aiohttp.ClientSession, allows: Allows) -> None:
        self._session = session
        self._allows = allows

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request; redirects come back to the SDK, which follows those of the same origin."""
        if request.method == "GET":
            # A stream of what nobody asked for: of no use here, and no end to its reconnecting.
            return httpx2.Response(405, request=request)
        try:
            url = checked(str(request.url), self._allows)
            headers = [
                (name, value)
                for name, value in request.headers.multi_items()
                if name.lower() not in LEFT_OUT
            ]
            response = await self._session.request(
                request.method,
                URL(str(url), encoded=True),
                data=await request.aread(),
                headers=[*headers, ("Accept-Encoding", OWN_ENCODING)]
                if "accept-encoding" not in request.headers
                else [
                    (name, OWN_ENCODING if name.lower() == "accept-encoding" else value)
                    for name, value in headers
                ],
                allow_redirects=False,
            )
        except NotFetched as refused:
            raise httpx2.ConnectError(str(refused)) from refused
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise httpx2.ConnectError(str(error) or type(error).__name__) from error
        if response.headers.get("Content-Encoding", OWN_ENCODING) != OWN_ENCODING:
            response.close()
            raise httpx2.ReadError("the answer is compressed, which was not asked for")
        return httpx2.Response(
            response.status,
            headers=list(response.headers.items()),
            stream=_Bounded(response),
            request=request,
        )


class _Bounded(httpx2.AsyncByteStream):
    """The body of an answer, up to its bound."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Its bytes. Raises: TooLong, ReadError."""
        left = MAX_MESSAGE_BYTES
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise TooLong(f"the answer has more than {MAX_MESSAGE_BYTES:,} bytes")
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise httpx2.ReadError(str(error) or type(error).__name__) from error

    async def aclose(self) -> None:
        """Let go of the connection."""
        self._response.close()
