"""Servers in sandboxes of other processes: both ends of the way there.

Whoever connects sends one line, a token that names project, owner and port and is signed with what
only our processes know, and gets one byte: 1, and what follows are bytes of that port; or 0. Which
worker runs a project's server is written nowhere: all are asked, and the one that has it answers.
"""

import asyncio
import hashlib
import hmac
import logging
import socket
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from core.background import until_one_ends
from core.clock import Clock
from core.errors import Refused
from core.ids import OwnerId, ProjectId
from tools.sandbox.doors import NothingListens

log = logging.getLogger(__name__)

ALGORITHM = "HS256"
GOOD_S = 60.0  # of a token: clocks of machines differ by less
LINE_BYTES = 4 * 1024
SAID_S = 5.0  # a worker that says nothing for so long has no such server
QUIET_S = 60  # then is looked whether the other machine is still there
MOST_OPEN = 256  # connections of a worker at a time; more are closed
MOST_PLACES = 64  # addresses of workers that are asked
REMEMBERED = 1_000
CHUNK_BYTES = 64 * 1024
YES, NO = b"\1", b"\0"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Place = tuple[str, int]


@dataclass(frozen=True)
class Wanted:
    """A port of a project."""

    project_id: ProjectId
    owner: OwnerId
    port: int


Connect = Callable[[Wanted], Awaitable[Connection]]


def relay_key(internal_key: str) -> bytes:
    """What tokens are signed with: known to all processes that know the internal key."""
    return hmac.new(internal_key.encode(), b"previews of workers", hashlib.sha256).digest()


def token_of(wanted: Wanted, *, until: datetime, key: bytes) -> str:
    """What asks for that port, up to a time."""
    claims = {
        "project": wanted.project_id,
        "owner": wanted.owner,
        "port": wanted.port,
        "until": until.timestamp(),
    }
    return jwt.encode(claims, key, ALGORITHM)


class ServerRelay:
    """The end beside a sandbox; it leads where `connect` does, and nowhere else.

    Args:
        connect: a connection to a port in this process's sandbox; it refuses what is not there.
        key: see `relay_key`.
    """

    def __init__(self, connect: Connect, *, key: bytes, clock: Clock) -> None:
        self._connect = connect
        self._key = key
        self._clock = clock
        self._open: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs it in one
        if len(self._open) >= MOST_OPEN:
            writer.close()
            return
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            log.debug("relay_lost", exc_info=True)
        finally:
            self._open.discard(task)
            writer.close()

    async def close(self) -> None:
        """End what is open."""
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(SAID_S):
            token = (await reader.readline()).decode("ascii").strip()
        wanted = self._wanted(token)
        if wanted is None:
            log.warning("relay_refused")
            return  # who has no key learns nothing, not even whether it listens
        there: Connection | None = None
        with suppress(Refused):
            there = await self._connect(wanted)
        writer.write(NO if there is None else YES)
        await writer.drain()
        if there is not None:
            server, to_server = there
            try:
                await until_one_ends(_pump(reader, to_server), _pump(server, writer))
            finally:
                to_server.close()

    def _wanted(self, token: str) -> Wanted | None:
        try:
            claims = jwt.decode(token, self._key, [ALGORITHM], options={"verify_exp": False})
            if claims["until"] < self._clock.now().timestamp():
                return None
            project_id, owner = ProjectId(str(claims["project"])), OwnerId(str(claims["owner"]))
            return Wanted(project_id, owner, int(claims["port"]))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            return None


@asynccontextmanager
async def relaying(relay: ServerRelay, listener: socket.socket) -> AsyncGenerator[None]:
    """Serve other processes while the block runs."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # what is accepted has it, too
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, QUIET_S)
    server = await asyncio.start_server(relay.accept, sock=listener, limit=LINE_BYTES)
    try:
        yield
    finally:
        server.close()
        await relay.close()


class Workers:
    """The other end: finds the worker in whose sandbox a project's server listens.

    Args:
        addresses: `host:port` of their relays; a name that stands for several is each of them.
        key: see `relay_key`.
    """

    def __init__(self, addresses: Sequence[str], *, key: bytes, clock: Clock) -> None:
        self._addresses = tuple(addresses)
        self._key = key
        self._clock = clock
        self._last: OrderedDict[Wanted, Place] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether there are any to ask."""
        return bool(self._addresses)

    async def connect(self, wanted: Wanted) -> Connection:
        """A connection to that port, wherever it listens. Raises: NothingListens."""
        last = self._last.get(wanted)
        if last is not None and (found := await self._ask(last, wanted)) is not None:
            return found
        connection = await self._first(await self._places(), wanted)
        if connection is None:
            self._last.pop(wanted, None)
            raise NothingListens(wanted.port)
        return connection

    async def _first(self, places: Sequence[Place], wanted: Wanted) -> Connection | None:
        """Ask all of them at once; the first that has it counts."""
        found: list[Connection] = []

        async def ask(place: Place) -> None:
            connection = await self._ask(place, wanted)
            if connection is None:
                return
            if found:
                connection[1].close()
                return
            found.append(connection)
            self._remember(wanted, place)
            for task in asking:
                if task is not asyncio.current_task():
                    task.cancel()

        try:
            async with asyncio.TaskGroup() as tasks:
                asking = [tasks.create_task(ask(place)) for place in places]
        except asyncio.CancelledError:
            for _, writer in found:
                writer.close()
            raise
        return found[0] if found else None

    async def _ask(self, place: Place, wanted: Wanted) -> Connection | None:
        writer: asyncio.StreamWriter | None = None
        is_there = False
        try:
            async with asyncio.timeout(SAID_S):
                reader, writer = await asyncio.open_connection(*place)
                until = self._clock.now() + timedelta(seconds=GOOD_S)
                writer.write(f"{token_of(wanted, until=until, key=self._key)}\n".encode())
                is_there = await reader.readexactly(1) == YES
                return (reader, writer) if is_there else None
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.warning("worker_silent", extra={"place": place, "reason": repr(error)})
            return None
        finally:
            if writer is not None and not is_there:
                writer.close()

    async def _places(self) -> list[Place]:
        """Where they listen now."""
        found: dict[Place, None] = {}
        loop = asyncio.get_running_loop()
        for address in self._addresses:
            host, _, port = address.rpartition(":")
            with suppress(OSError):
                rows = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
                found |= dict.fromkeys((str(row[4][0]), int(row[4][1])) for row in rows)
        return list(found)[:MOST_PLACES]

    def _remember(self, wanted: Wanted, place: Place) -> None:
        self._last[wanted] = place
        self._last.move_to_end(wanted)
        while len(self._last) > REMEMBERED:
            self._last.popitem(last=False)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes, up to its end."""
    while data := await source.read(CHUNK_BYTES):
        target.write(data)
        await target.drain()
