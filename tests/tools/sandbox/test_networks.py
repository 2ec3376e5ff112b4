"""A project's process trees share a loopback; another project's, and the host's, they never see."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.shells import shell_in, shown
from tests.tools.sandbox.test_doors import ask, server
from tools.sandbox import networks
from tools.sandbox.bubblewrap import Bubblewrap
from tools.sandbox.port import Confined
from tools.sandbox.running import Limits
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(90)

ASK = """
import socket, sys
try:
    s = socket.create_connection(("localhost", int(sys.argv[1])), timeout=20)
    s.sendall(b"hi"); s.shutdown(1)
    print(s.makefile().read())
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox]:
    async with Sandbox(kinds=["bubblewrap"]) as opened:
        if opened.networks is None:
            pytest.skip("this machine has no networks that can be entered")
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Path:
    made = tmp_path / "other"
    made.mkdir()
    return made


async def said_to(sandbox: Sandbox, folder: Path, port: int = 3000) -> str:
    """What a command of the project hears from that port."""
    confined = Confined(("python", "-c", ASK, str(port)), folder)
    return (await sandbox.run(confined, Limits(timeout_s=40))).output.decode().strip()


async def test_two_projects_serve_on_the_same_port_and_each_reaches_its_own(
    sandbox: Sandbox, folder: Path, other: Path
) -> None:
    async with (
        server(sandbox, folder, "one "),
        server(sandbox, other, "two "),
        server(sandbox, other, "only there ", port=3001),
    ):
        assert await said_to(sandbox, folder) == "one hi"
        assert await said_to(sandbox, other) == "two hi"
        assert await said_to(sandbox, other, 3001) == "only there hi"
        assert await said_to(sandbox, folder, 3001) == "ConnectionRefusedError"
        assert await ask(sandbox, folder) == b"one hi"
        assert await ask(sandbox, other) == b"two hi"
    assert await said_to(sandbox, folder) == "ConnectionRefusedError"
    async with server(sandbox, folder, "again "):  # the port is free once its server is dead
        assert await said_to(sandbox, folder) == "again hi"


async def test_a_terminal_reaches_a_server_of_the_agent_and_of_no_other_project(
    sandbox: Sandbox, folder: Path, other: Path
) -> None:
    (folder / "ask.py").write_text(ASK)
    (other / "ask.py").write_text(ASK)
    async with server(sandbox, folder, "served "):
        for place, answer in ((folder, "served hi"), (other, "ConnectionRefusedError")):
            async with shell_in(sandbox, place) as shell:
                with shell.viewed() as view:
                    await shell.write(b"python ask.py 3000\n")
                    assert answer in await shown(view, answer)


async def test_a_loopback_of_the_host_is_not_reached(sandbox: Sandbox, folder: Path) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"the host")
        writer.close()

    host = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with host:
        port = host.sockets[0].getsockname()[1]
        assert await said_to(sandbox, folder, port) == "ConnectionRefusedError"


ABSTRACT = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
if sys.argv[1] == "serve":
    s.bind("\\0polaris-inside"); s.listen(); print("listening", flush=True); s.accept()
try:
    s.connect("\\0polaris-inside"); print("connected")
except OSError as error:
    print(type(error).__name__)
"""


async def test_a_socket_without_a_file_is_that_of_its_project(
    sandbox: Sandbox, folder: Path, other: Path
) -> None:
    async def tried(place: Path) -> bytes:
        confined = Confined(("python", "-c", ABSTRACT, "ask"), place)
        return (await sandbox.run(confined, Limits(timeout_s=40))).output

    listening = asyncio.Event()
    serving = await sandbox.start(
        Confined(("python", "-c", ABSTRACT, "serve"), folder),
        Limits(timeout_s=80),
        on_output=lambda _: listening.set(),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serving.finish())
        async with asyncio.timeout(40):
            await listening.wait()
        assert await tried(other) == b"ConnectionRefusedError\n"
        assert await tried(folder) == b"connected\n"
        serving.stop()


async def network_of(sandbox: Sandbox, folder: Path) -> str:
    done = await sandbox.run(Confined(("readlink", "/proc/self/ns/net"), folder))
    return done.output.decode().strip()


async def test_trees_that_begin_at_once_meet_in_one_network(
    sandbox: Sandbox, folder: Path, other: Path
) -> None:
    found = await asyncio.gather(*(network_of(sandbox, folder) for _ in range(4)))
    assert len(set(found)) == 1
    ours = await asyncio.to_thread(os.readlink, "/proc/self/ns/net")
    assert ours not in {*found, await network_of(sandbox, other)}
    assert await network_of(sandbox, other) not in found


async def test_users_and_processes_of_trees_stay_apart(sandbox: Sandbox, folder: Path) -> None:
    script = (
        "for n in user pid mnt ipc; do readlink /proc/self/ns/$n; done; id -u; ls /proc/self/fd"
    )
    script += "; grep CapEff /proc/self/status; ls -d /proc/[0-9]* | wc -l"
    first, second = [
        (await sandbox.run(Confined(("sh", "-c", script), folder))).output.decode().splitlines()
        for _ in range(2)
    ]
    assert not set(first[:4]) & set(second[:4])
    assert first[4] == "1000"
    assert first[5:9] == ["0", "1", "2", "3"]  # 3 is the listing itself
    assert first[9].split() == ["CapEff:", "0000000000000000"]
    assert int(first[10]) <= 6


@pytest.mark.parametrize(
    "attack",
    [
        "nsenter --net=/proc/1/ns/net true",
        "nsenter -t 1 -n true",
        "unshare -n true",
        "unshare -rn true",
        "ip link set lo down",
        "ip link add x type dummy",
    ],
)
async def test_nobody_inside_changes_a_network(sandbox: Sandbox, folder: Path, attack: str) -> None:
    done = await sandbox.run(Confined(("sh", "-c", attack), folder))
    assert done.receipt.code != 0
    async with server(sandbox, folder, "still "):
        assert await said_to(sandbox, folder) == "still hi"


async def test_a_project_cannot_put_a_program_before_its_own_confinement(
    sandbox: Sandbox, folder: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "outside"
    planted = folder / "node_modules" / ".bin"
    planted.mkdir(parents=True)
    for name in ("nsenter", "bwrap"):
        (planted / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (planted / name).chmod(0o755)
    await sandbox.run(Confined(("true",), folder))
    assert not mark.exists()


async def test_networks_in_which_nothing_runs_are_bounded(
    sandbox: Sandbox, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "KEPT", 2)  # a bound, made small
    async with server(sandbox, folder, "kept "):
        for number in range(4):
            place = tmp_path / f"p{number}"
            place.mkdir()
            await sandbox.run(Confined(("true",), place))
        assert sandbox.networks is not None
        assert len(sandbox.networks) == 3
        assert await said_to(sandbox, folder) == "kept hi"


async def test_a_machine_that_cannot_enter_networks_gives_each_tree_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))  # where there is no nsenter
    async with Sandbox(kinds=[Bubblewrap.name]) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no bubblewrap")
        assert sandbox.networks is None
        async with server(sandbox, folder, "one "), server(sandbox, folder, "two "):
            assert await ask(sandbox, folder) == b"two hi"
            assert await said_to(sandbox, folder) == "ConnectionRefusedError"
