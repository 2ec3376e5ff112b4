"""The only way out of the sandbox: tunnels to package registries, and to nothing else."""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Self

log = logging.getLogger(__name__)

MAX_TUNNELS = 64
MAX_HEAD_BYTES = 8 * 1024
HEAD_S = 10.0
CONNECT_S = 15.0
IDLE_S = 120.0
CHUNK_BYTES = 64 * 1024


class RegistryProxy:
    """A proxy that knows CONNECT only, on a socket in a file: nobody reaches it over a network.

    What passes is encrypted between the program and the registry. Which registries there are is
    said by whoever runs Polaris, by name and port.

    Args:
        path: where the socket is made.
        allowed: `host:port` of each registry.
    """

    def __init__(self, path: Path, allowed: Collection[str]) -> None:
        self.path = path
        self._allowed = frozenset(name.lower() for name in allowed)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=MAX_HEAD_BYTES)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every tunnel."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._answer(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("tunnel_lost", exc_info=True)
        finally:
            self._open.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_S):
            head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.decode("latin-1").partition(" ")
        target = rest.partition(" ")[0].lower()
        if method != "CONNECT":
            await _refuse(writer, "405 Method Not Allowed", "only encrypted connections pass")
        elif target not in self._allowed:
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
