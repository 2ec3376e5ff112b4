"""The way to a server in another process's sandbox: the one that has it answers, with the key."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta

import pytest

from core.clock import SystemClock
from core.ids import OwnerId, ProjectId
from tools.sandbox import elsewhere
from tools.sandbox.doors import NothingListens
from tools.sandbox.elsewhere import Connection, ServerRelay, Wanted, Workers, relay_key, relaying

pytestmark = pytest.mark.timeout(60)

KEY = relay_key("internal")
WANTED = Wanted(ProjectId("project-1"), OwnerId("ada"), 3000)
HOST = "127.0.0.1"


class Worker:
    """A worker in whose sandbox some ports are served: each answers with its name."""

    def __init__(self, name: str, *served: Wanted) -> None:
        self.name = name
        self.served = set(served)
        self.asked: list[Wanted] = []
        self.address = ""

    async def connect(self, wanted: Wanted) -> Connection:
        self.asked.append(wanted)
        if wanted not in self.served:
            raise NothingListens(wanted.port)
        return await asyncio.open_connection(HOST, self.port)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(self.name.encode() + b" " + line)
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["Worker"]:
        server = await asyncio.start_server(self.answer, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        listener = socket.create_server((HOST, 0))
        listener.setblocking(False)
        self.address = f"{HOST}:{listener.getsockname()[1]}"
        relay = ServerRelay(self.connect, key=KEY, clock=SystemClock())
        async with server, relaying(relay, listener):
            yield self


async def heard(workers: Workers, wanted: Wanted = WANTED) -> bytes:
    reader, writer = await workers.connect(wanted)
    writer.write(b"hi\n")
    answer = await reader.readline()
    writer.close()
    return answer


def asking(*addresses: str, key: bytes = KEY) -> Workers:
    return Workers(addresses, key=key, clock=SystemClock())


async def test_the_worker_that_has_it_answers_and_is_asked_first_again() -> None:
    one, two, three = Worker("one"), Worker("two", WANTED), Worker("three")
    async with AsyncExitStack() as stack:
        for worker in (one, two, three):
            await stack.enter_async_context(worker.running())
        workers = asking(one.address, two.address, three.address)
        assert await heard(workers) == b"two hi\n"
        others = len(one.asked) + len(three.asked)
        assert await heard(workers) == b"two hi\n"
        assert len(one.asked) + len(three.asked) == others
        two.served.clear()
        one.served.add(WANTED)  # it was started anew, elsewhere
        assert await heard(workers) == b"one hi\n"
        one.served.clear()
        with pytest.raises(NothingListens, match="port 3000"):
            await workers.connect(WANTED)


async def test_a_worker_that_is_gone_or_silent_takes_no_other_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(elsewhere, "SAID_S", 2.0)  # a bound of time, made small
    silent = socket.create_server((HOST, 0))
    gone = socket.create_server((HOST, 0))
    addresses = [f"{HOST}:{it.getsockname()[1]}" for it in (silent, gone)]
    gone.close()
    async with Worker("here", WANTED).running() as worker:
        nobody = asking(*addresses, "no-such-host.invalid:1")
        with pytest.raises(NothingListens):
            await nobody.connect(WANTED)
        named = f"localhost:{worker.address.rpartition(':')[2]}"
        assert await heard(asking(*addresses, named)) == b"here hi\n"
    silent.close()


async def test_another_project_person_or_port_is_another_server() -> None:
    async with Worker("one", WANTED).running() as worker:
        for other in (
            Wanted(ProjectId("project-2"), WANTED.owner, WANTED.port),
            Wanted(WANTED.project_id, OwnerId("eve"), WANTED.port),
            Wanted(WANTED.project_id, WANTED.owner, 3001),
        ):
            with pytest.raises(NothingListens):
                await asking(worker.address).connect(other)


async def test_who_has_no_key_learns_nothing() -> None:
    async with Worker("one", WANTED).running() as worker:
        with pytest.raises(NothingListens):
            await asking(worker.address, key=relay_key("guessed")).connect(WANTED)
        old = SystemClock().now() - timedelta(hours=1)
        unsigned = elsewhere.jwt.encode({"project": "project-1"}, "", algorithm="none")
        for line in (
            b"\n",
            b"GET / HTTP/1.1\r\n",
            unsigned.encode() + b"\n",
            elsewhere.token_of(WANTED, until=old, key=KEY).encode() + b"\n",
            b"\xff\xfe\n",
            b"x" * (2 * elsewhere.LINE_BYTES),
        ):
            reader, writer = await asyncio.open_connection(*worker.address.split(":"))
            writer.write(line)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
        assert worker.asked == []


async def test_connections_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "MOST_OPEN", 1)
    async with Worker("one", WANTED).running() as worker:
        workers = asking(worker.address)
        _, writer = await workers.connect(WANTED)
        with pytest.raises(NothingListens):
            await workers.connect(WANTED)
        writer.close()
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await heard(workers) == b"one hi\n"
                    break
                except NothingListens:
                    await asyncio.sleep(0.01)
