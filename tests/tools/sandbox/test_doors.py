"""Servers inside are reached from outside; nothing inside reaches out."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tools.sandbox.doors import NothingListens
from tools.sandbox.landlock import Landlock
from tools.sandbox.port import LASTING, Confined, NoSandbox
from tools.sandbox.running import Limits, Running
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(90)

ECHO = """
import socket
s = socket.create_server(("{host}", {port}), family=socket.AF_INET6 if ":" in "{host}" else 2)
print("listening", flush=True)
while True:
    c, _ = s.accept()
    while data := c.recv(65536): c.sendall(b"{word}" + data)
    c.close()
"""


@asynccontextmanager
async def server(
    sandbox: Sandbox, folder: Path, word: str, *, host: str = "127.0.0.1", port: int = 3000
) -> AsyncGenerator[Running]:
    script = ECHO.format(host=host, port=port, word=word)
    listening = asyncio.Event()
    running = await sandbox.start(
        Confined(("python", "-c", script), folder, bounds=LASTING),
        Limits(timeout_s=80),
        on_output=lambda data: listening.set() if b"listening" in data else None,
        is_reachable=True,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(running.finish())
        try:
            async with asyncio.timeout(40):
                await listening.wait()
            yield running
        finally:
            running.stop()


async def ask(sandbox: Sandbox, folder: Path, port: int = 3000, data: bytes = b"hi") -> bytes:
    async with asyncio.timeout(40):
        reader, writer = await sandbox.connect(folder, port)
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer


@pytest.fixture
async def bubblewrap() -> AsyncGenerator[Sandbox]:
    async with Sandbox(kinds=["bubblewrap"]) as opened:
        if opened.kind is None:
            pytest.skip("this machine has no bubblewrap")
        yield opened


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0"])  # noqa: S104 - of a namespace
async def test_a_server_inside_is_reached(bubblewrap: Sandbox, folder: Path, host: str) -> None:
    async with server(bubblewrap, folder, "one ", host=host):
        assert await ask(bubblewrap, folder) == b"one hi"
        with pytest.raises(NothingListens, match="port 3001"):
            await bubblewrap.connect(folder, 3001)
    with pytest.raises(NothingListens):
        await bubblewrap.connect(folder, 3000)


async def test_each_project_has_its_own(bubblewrap: Sandbox, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with (
        server(bubblewrap, folder, "old "),
        server(bubblewrap, other, "other "),
    ):
        assert await ask(bubblewrap, folder) == b"old hi"
        async with server(bubblewrap, folder, "far ", port=3001):
            assert await ask(bubblewrap, folder) == b"old hi"
            assert await ask(bubblewrap, folder, 3001) == b"far hi"
        assert await ask(bubblewrap, folder) == b"old hi"
        assert await ask(bubblewrap, other) == b"other hi"


async def test_a_port_of_the_host_is_none_of_the_inside(bubblewrap: Sandbox, folder: Path) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"the host")
        writer.close()

    host = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = host.sockets[0].getsockname()[1]
    async with host, server(bubblewrap, folder, "in ", port=port if port != 3000 else 3001):
        assert await ask(bubblewrap, folder, port) == b"in hi"
    async with server(bubblewrap, folder, "in "):
        if port != 3000:
            with pytest.raises(NothingListens):
                await bubblewrap.connect(folder, port)


async def test_the_code_of_the_program_is_that_of_its_end(
    bubblewrap: Sandbox, folder: Path
) -> None:
    for program, code in ((("sh", "-c", "exit 5"), 5), (("no-such-program",), 127)):
        running = await bubblewrap.start(Confined(program, folder), Limits(), is_reachable=True)
        assert (await running.finish()).code == code


async def test_without_network_namespaces_it_is_said_so(folder: Path) -> None:
    async with Sandbox(kinds=[Landlock.name]) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no landlock")
        assert not sandbox.is_reachable
        with pytest.raises(NoSandbox, match="Previews need network namespaces"):
            await sandbox.connect(folder, 3000)
