"""A TCP proxy that counts what crosses it: every byte of the connections, headers included."""

import asyncio
from dataclasses import dataclass
from typing import Self

from yarl import URL

CHUNK = 1 << 16


@dataclass(frozen=True)
class Crossed:
    """Bytes so far: `up` from the clients to the server, `down` to the clients."""

    up: int
    down: int

    def since(self, before: "Crossed") -> "Crossed":
        """What came after `before`."""
        return Crossed(self.up - before.up, self.down - before.down)


class Wire:
    """Stands before `url` inside the block; clients use `Wire.url` instead."""

    def __init__(self, url: str) -> None:
        self._target = URL(url)
        self._up = 0
        self._down = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def crossed(self) -> Crossed:
        """The counters now."""
        return Crossed(self._up, self._down)

    @property
    def url(self) -> str:
        """The proxy's own address."""
        if self._server is None:
            raise RuntimeError("the proxy is used outside `async with`")
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.close()

    async def _connect(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        server, ask = await asyncio.open_connection(self._target.host, self._target.port)
        self._open |= {answer, ask}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry_up(client, ask))
                both.create_task(self._carry_down(server, answer))
        except* OSError:
            pass  # one side is gone, and so is the other
        finally:
            for writer in (ask, answer):
                writer.close()
                self._open.discard(writer)

    async def _carry_up(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            self._up += len(data)
            sink.write(data)
            await sink.drain()
        sink.close()

    async def _carry_down(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            self._down += len(data)
            sink.write(data)
            await sink.drain()
        sink.close()
