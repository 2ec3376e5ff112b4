"""The only way out of the sandbox: tunnels to package registries, and to nothing else."""

import asyncio
import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Self

from tools.sandbox.port import NO_NETWORK, NoSandbox
from tools.sandbox.registries import Registries

log = logging.getLogger(__name__)

MAX_TUNNELS = 64
MAX_DOORS = 64  # different choices of projects that are open at a time
MAX_HEAD_BYTES = 8 * 1024
HEAD_S = 10.0
CONNECT_S = 15.0
IDLE_S = 120.0
CHUNK_BYTES = 64 * 1024


class RegistryProxy:
    """A proxy that knows CONNECT only, on a socket in a file: nobody reaches it over a network.

    What passes is encrypted between the program and the registry. Which registries there are is
    said by whoever runs Polaris, by name and port. A project that allows fewer of them has a socket
    of its own, for what a program sees of the proxy is what it may reach.

    Args:
        folder: where sockets are made; it exists, and its path is short.
        allowed: `host:port` of each registry.
    """

    def __init__(self, folder: Path, allowed: Collection[str]) -> None:
        self.allowed = frozenset(name.lower() for name in allowed)
        self._folder = folder
        self._numbers = count(1)
        self._open: set[asyncio.StreamWriter] = set()
        self._doors: OrderedDict[frozenset[str], _Door] = OrderedDict()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every tunnel."""
        with self._lock:
            self._loop = None
            doors = tuple(self._doors.values())
            self._doors.clear()
        for door in doors:
            door.close()
        for writer in tuple(self._open):
            writer.close()

    def socket_for(self, registries: Registries) -> Path:
        """The socket that leads to these and to no others; it may be asked for from any thread.

        Of more than `MAX_DOORS` different choices, the one asked for longest ago is closed: what
        still runs with it reaches nothing new.

        Raises:
            NoSandbox: the proxy is closed.
        """
        reached = registries.among(self.allowed)
        with self._lock:
            if self._loop is None:
                raise NoSandbox(NO_NETWORK)
            door = self._doors.get(reached)
            if door is None:
                path = self._folder / f"proxy-{next(self._numbers)}.sock"
                door = self._doors[reached] = _Door(path, self._loop, self._serving(reached))
            self._doors.move_to_end(reached)
            surplus = len(self._doors) > MAX_DOORS
            oldest = self._doors.popitem(last=False)[1] if surplus else None
        if oldest is not None:
            oldest.close()
        return door.path

    def _serving(self, reached: frozenset[str]) -> "_Serve":
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reached, reader, writer)

        return serve

    async def _serve(
        self, reached: frozenset[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._open.add(writer)
        try:
            await self._answer(reached, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("tunnel_lost", exc_info=True)
        finally:
            self._open.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(
        self, reached: frozenset[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(HEAD_S):
            head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.decode("latin-1").partition(" ")
        target = rest.partition(" ")[0].lower()
        if method != "CONNECT":
            await _refuse(writer, "405 Method Not Allowed", "only encrypted connections pass")
        elif target not in reached:
            await _refuse(writer, "403 Forbidden", f"{target[:200]} is not a package registry")
        elif len(self._open) > MAX_TUNNELS:
            await _refuse(writer, "503 Service Unavailable", "too many connections")
        else:
            await self._tunnel(target, reader, writer)

    async def _tunnel(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, _, port = target.rpartition(":")
        try:
            async with asyncio.timeout(CONNECT_S):
                there, to_there = await asyncio.open_connection(host, int(port))
        except (OSError, TimeoutError):
            await _refuse(writer, "502 Bad Gateway", f"{target} does not answer")
            return
        self._open.add(to_there)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_pump(reader, to_there))
                tasks.create_task(_pump(there, writer))
        except* (OSError, TimeoutError):
            log.debug("tunnel_lost", exc_info=True)
        finally:
            self._open.discard(to_there)
            to_there.close()


_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Door:
    """A socket that takes connections from when this is made; a loop answers them."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop, serve: _Serve) -> None:
        self.path = path
        self._loop = loop
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen(MAX_TUNNELS)
        self._opening = asyncio.run_coroutine_threadsafe(self._listen(serve), loop)

    def close(self) -> None:
        """Take no more; from any thread."""
        self._opening.add_done_callback(self._shut)

    async def _listen(self, serve: _Serve) -> asyncio.Server:
        return await asyncio.start_unix_server(serve, sock=self._socket, limit=MAX_HEAD_BYTES)

    def _shut(self, opened: "Future[asyncio.Server]") -> None:
        self.path.unlink(missing_ok=True)
        if opened.cancelled() or opened.exception() is not None:
            self._socket.close()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(opened.result().close)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes, up to its end; the other direction may go on."""
    while True:
        async with asyncio.timeout(IDLE_S):
            data = await source.read(CHUNK_BYTES)
        if not data:
            break
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


async def _refuse(writer: asyncio.StreamWriter, status: str, words: str) -> None:
    body = f"{words}\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
