"""The server of previews: each request goes to a port in a project's sandbox, and to nowhere else.

A connection carries one request. Bodies pass in pieces, a websocket byte by byte; who reads slowly
holds the other side.
"""

import asyncio
import hmac
import html
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from urllib.parse import parse_qs

import h11

from app.http.origins import is_of_host
from app.http.preview.heads import (
    COOKIE,
    Headers,
    cookies_of,
    to_the_browser,
    to_the_server,
    value_of,
)
from app.listening import bind, url_of
from app.services.previews import LOOK_S, Preview, Previews
from core.background import until_one_ends
from core.errors import Refused

log = logging.getLogger(__name__)

MOST = 256  # connections at once
HEAD_BYTES = 64 * 1024
HEAD_S = 20.0
ANSWER_S = 120.0  # a development server builds a page when it is asked for it
IDLE_S = 3600.0
CHUNK_BYTES = 64 * 1024
CLOSE_S = 2.0
OPEN = "/preview/open"

_PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<body style="font: 16px sans-serif; margin: 3em"><h1>{title}</h1><p>{text}</p>"""


class _Answered(Exception):
    """The request gets an answer of ours."""

    def __init__(self, status: int, text: str, headers: Headers = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = list(headers)


class _Peer:
    """One side of a request: its stream, and how far the protocol has come."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        role: type[h11.CLIENT] | type[h11.SERVER],
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.protocol = h11.Connection(role, max_incomplete_event_size=HEAD_BYTES)

    async def next(self, within_s: float = IDLE_S) -> object:
        """The next event from there. Raises: h11.RemoteProtocolError, TimeoutError, OSError."""
        async with asyncio.timeout(within_s):
            while (event := self.protocol.next_event()) is h11.NEED_DATA:
                self.protocol.receive_data(await self.reader.read(CHUNK_BYTES))
        return event

    async def send(self, event: h11.Event) -> None:
        """Send there, and wait while it takes nothing."""
        data = self.protocol.send(event)
        if data:
            self.writer.write(data)
            async with asyncio.timeout(IDLE_S):
                await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.writer.wait_closed()


class PreviewServer:
    """Answers connections of browsers."""

    def __init__(self, previews: Previews) -> None:
        self._previews = previews
        self._open: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        browser = _Peer(reader, writer, h11.SERVER)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs it in one
        self._open.add(task)
        try:
            if len(self._open) > MOST:
                return
            await self._answer(browser)
        except* (OSError, TimeoutError, h11.ProtocolError, asyncio.IncompleteReadError):
            log.debug("preview_connection_lost", exc_info=True)
        except* Exception:  # the rim: the next connection has to be served
            log.exception("preview_broke")
        finally:
            self._open.discard(task)
            await browser.close()

    async def close(self) -> None:
        """End all connections."""
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open)

    async def _answer(self, browser: _Peer) -> None:
        try:
            request = await browser.next(HEAD_S)
            if not isinstance(request, h11.Request):
                return
            await self._pass(browser, request)
        except h11.RemoteProtocolError as wrong:
            if browser.protocol.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                await _say(browser, _Answered(wrong.error_status_hint, "This is no HTTP request."))
        except _Answered as answered:
            await _say(browser, answered)

    async def _pass(self, browser: _Peer, request: h11.Request) -> None:
        headers = [(bytes(name), bytes(value)) for name, value in request.headers]
        try:
            preview = self._previews.at(value_of(headers, b"host") or "")
        except Refused as refused:
            raise _Answered(HTTPStatus.MISDIRECTED_REQUEST, str(refused)) from None
        self._admit(preview, request, headers)
        try:
            reader, writer = await self._previews.connect(preview)
        except Refused as refused:
            raise _Answered(HTTPStatus.BAD_GATEWAY, str(refused)) from None
        server = _Peer(reader, writer, h11.CLIENT)
        try:
            await _exchange(browser, server, request, preview.port)
        finally:
            await server.close()

    def _admit(self, preview: Preview, request: h11.Request, headers: Headers) -> None:
        """Only the browser that has opened it, and only its own pages. Raises: _Answered."""
        path, _, query = bytes(request.target).decode("latin-1").partition("?")
        if path == OPEN:
            [token] = parse_qs(query).get("token", [""])[:1]
            if not self._previews.may_open(preview, token):
                text = (
                    "This address was good for a minute. Open the preview from the project again."
                )
                raise _Answered(HTTPStatus.FORBIDDEN, text)
            raise _Answered(HTTPStatus.SEE_OTHER, "", _entry(preview))
        keys = [value for name, value in cookies_of(headers) if name == COOKIE]
        if not any(hmac.compare_digest(key.encode(), preview.key.encode()) for key in keys):
            text = "This preview is somebody's own. Open it from the project."
            raise _Answered(HTTPStatus.FORBIDDEN, text)
        origin = value_of(headers, b"origin")
        if origin is not None and not is_of_host(origin, value_of(headers, b"host") or ""):
            raise _Answered(HTTPStatus.FORBIDDEN, "Only pages of this preview may ask it.")


async def _exchange(browser: _Peer, server: _Peer, request: h11.Request, port: int) -> None:
    """Pass the request there, and the answer back."""
    headers = [(bytes(name), bytes(value)) for name, value in request.headers]
    passed = to_the_server(headers, port=port)
    await server.send(h11.Request(method=request.method, target=request.target, headers=passed))
    if browser.protocol.they_are_waiting_for_100_continue:
        await browser.send(h11.InformationalResponse(status_code=100, headers=[]))
    is_tunnel = False
    problem: _Answered | None = None
    async with asyncio.TaskGroup() as tasks:
        body = tasks.create_task(_body(browser, server))
        try:
            is_tunnel = await _back(browser, server)
        except _Answered as answered:
            problem = answered
        finally:
            body.cancel()
    if problem is not None:  # outside of the group, which would wrap it
        raise problem
    if is_tunnel:
        await _tunnel(browser, server)


async def _body(browser: _Peer, server: _Peer) -> None:
    while True:
        event = await browser.next()
        if isinstance(event, h11.Data | h11.EndOfMessage):
            try:
                await server.send(event)
            except (OSError, h11.LocalProtocolError):  # it reads no more; its answer may be there
                return
        if not isinstance(event, h11.Data):
            return


async def _back(browser: _Peer, server: _Peer) -> bool:
    """Pass the answer back; whether it opens a tunnel."""
    try:
        answer = await server.next(ANSWER_S)
        while isinstance(answer, h11.InformationalResponse):
            if answer.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
                passed = to_the_browser(list(answer.headers), is_upgrade=True)
                await browser.send(h11.InformationalResponse(status_code=101, headers=passed))
                return True
            answer = await server.next(ANSWER_S)
    except (h11.RemoteProtocolError, TimeoutError, OSError):
        text = "The server in the project did not answer in HTTP."
        raise _Answered(HTTPStatus.BAD_GATEWAY, text) from None
    if not isinstance(answer, h11.Response):
        raise _Answered(HTTPStatus.BAD_GATEWAY, "The server in the project closed the connection.")
    passed = to_the_browser(list(answer.headers))
    await browser.send(h11.Response(status_code=answer.status_code, headers=passed))
    while True:
        event = await server.next()
        if isinstance(event, h11.Data | h11.EndOfMessage):
            await browser.send(event)
        if not isinstance(event, h11.Data):
            return False


async def _tunnel(browser: _Peer, server: _Peer) -> None:
    """Bytes both ways, up to the end of one."""
    for source, target in ((browser, server), (server, browser)):
        early, _ = source.protocol.trailing_data
        target.writer.write(early)
    await until_one_ends(_pump(browser.reader, server.writer), _pump(server.reader, browser.writer))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while True:
        async with asyncio.timeout(IDLE_S):
            data = await source.read(CHUNK_BYTES)
            if not data:
                return
            target.write(data)
            await target.drain()


def _entry(preview: Preview) -> Headers:
    """To the first page, with the key: for this host alone, also in a frame of another page."""
    cookie = (
        f"{COOKIE}={preview.key}; Path=/; Max-Age={int(LOOK_S)}; HttpOnly; Secure; SameSite=None; "
        "Partitioned"
    )
    return [(b"location", b"/"), (b"set-cookie", cookie.encode())]


async def _say(browser: _Peer, answered: _Answered) -> None:
    status = HTTPStatus(answered.status)
    page = _PAGE.format(title=html.escape(status.phrase), text=html.escape(answered.text)).encode()
    headers = [
        *answered.headers,
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(page)).encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
        (b"connection", b"close"),
    ]
    await browser.send(h11.Response(status_code=status, headers=headers))
    await browser.send(h11.Data(data=page))
    await browser.send(h11.EndOfMessage())


@asynccontextmanager
async def previewing(previews: Previews, *, host: str, port: int) -> AsyncGenerator[str]:
    """Serve previews while the block runs; gives the URL. Raises: OSError: it cannot be bound."""
    server = PreviewServer(previews)
    listening = await asyncio.start_server(
        server.accept, sock=bind(host, port), limit=HEAD_BYTES, start_serving=True
    )
    try:
        yield url_of(listening.sockets[0])
    finally:
        listening.close()
        await server.close()
