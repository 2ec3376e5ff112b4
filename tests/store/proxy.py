"""A proxy in front of Convex that fails on demand, and counts what passes."""

import asyncio
import io
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

import aiohttp
from aiohttp import web


class Fault(Enum):
    """What happens to one request."""

    UNAVAILABLE = auto()  # answered 503, not forwarded
    RATE_LIMITED = auto()  # answered 429, not forwarded
    DROPPED = auto()  # the connection is closed, not forwarded
    LOST_ANSWER = auto()  # forwarded, and the connection is closed instead of answering
    DENIED = auto()  # answered 401, not forwarded


@dataclass
class FaultyProxy:
    """Forwards to `target`; the next requests meet `faults` first, all of them while `is_down`."""

    target: str
    url: str = ""
    faults: deque[Fault] = field(default_factory=deque[Fault])
    is_down: bool = False
    requests: int = 0
    sent_bytes: int = 0
    bodies: list[bytes] = field(default_factory=list[bytes])
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    _refusals: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def refused(self, times: int) -> None:
        """Wait until so many requests came while it was down."""
        for _ in range(times):
            await self._refusals.acquire()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Count, fail or forward."""
        await self.gate.wait()
        body = await request.read()
        self.requests += 1
        self.bodies.append(body)
        head = sum(len(name) + len(value) + 4 for name, value in request.raw_headers)
        self.sent_bytes += len(f"{request.method} {request.path_qs} HTTP/1.1\r\n\r\n") + head
        self.sent_bytes += len(body)
        fault = Fault.DROPPED if self.is_down else self.faults.popleft() if self.faults else None
        if self.is_down:
            self._refusals.release()
        match fault:
            case Fault.UNAVAILABLE:
                return web.json_response({"code": "Overloaded", "message": "later"}, status=503)
            case Fault.RATE_LIMITED:
                return web.json_response({"code": "RateLimited", "message": "later"}, status=429)
            case Fault.DENIED:
                return web.json_response({"code": "Unauthorized", "message": "no"}, status=401)
            case Fault.DROPPED:
                _drop(request)
                return web.Response()
            case Fault.LOST_ANSWER:
                await self._forward(request, body)
                _drop(request)
                return web.Response()
            case None:
                return await self._forward(request, body)

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        kept = {
            name: request.headers[name] for name in ("Content-Type",) if name in request.headers
        }
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, self.target + request.path_qs, data=io.BytesIO(body), headers=kept
            ) as answer,
        ):
            return web.Response(
                status=answer.status, body=await answer.read(), content_type=answer.content_type
            )


@asynccontextmanager
async def faulty_proxy(target: str) -> AsyncGenerator[FaultyProxy]:
    """A running proxy on a free port."""
    proxy = FaultyProxy(target)
    proxy.gate.set()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield proxy
    finally:
        await runner.cleanup()


def _drop(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
