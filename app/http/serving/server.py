"""Serving HTTP inside our own event loop: ready when it says so, stopped when we say so."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator, Sequence

import uvicorn
from starlette.types import ASGIApp

from app.http.serving.connection import Connection
from app.listening import BACKLOG, bind, url_of

KEEP_ALIVE_S = 65  # longer than the 60 s of common proxies, so that they close first
MESSAGE_BYTES = 17 * 1024 * 1024  # of a websocket: a call of Convex; other routes take less


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers, which would end the loop under everything else."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the process's own main function."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept, and say so."""
        await super().startup(sockets)
        self.ready.set()


@contextlib.asynccontextmanager
async def serving(  # noqa: PLR0913 - what a server is made of, by name
    app: ASGIApp,
    *,
    host: str,
    port: int,
    grace_s: float,
    trusted_proxies: Sequence[str] = (),
    connection: type[Connection] = Connection,
) -> AsyncGenerator[str]:
    """Serve `app` while the block runs; gives the base URL once it accepts requests.

    `trusted_proxies` (addresses, networks) say for whom they ask, in `X-Forwarded-For` and
    `X-Forwarded-Proto`; nobody else is believed. Leaving the block stops accepting and gives
    running requests `grace_s` to end.

    Raises:
        OSError: the address cannot be bound.
    """
    listener = bind(host, port)
    config = uvicorn.Config(
        app,
        http=connection,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # a few bytes could unpack to much
        log_config=None,
        access_log=False,  # RequestFrame writes that line
        lifespan="off",  # the caller composes and closes
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(grace_s)),
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        backlog=BACKLOG,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        await server.ready.wait()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
