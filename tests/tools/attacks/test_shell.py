"""What is tried in a person's shell: it is bounded as the agent's commands are."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.processes import alive, until_alive
from tests.support.shells import WAIT_S, shown
from tools.sandbox.port import MIB, Bounds
from tools.sandbox.running import Ending
from tools.sandbox.sandbox import Sandbox
from tools.sandbox.shell import SCROLLBACK_BYTES, Shell

pytestmark = pytest.mark.timeout(120)

SMALL = Bounds(tasks=60, memory_bytes=256 * MIB, cpu_s=30, file_bytes=16 * MIB, tmp_bytes=16 * MIB)
HUNGRY = 'import os, time; os.fork(); x = bytearray(b"1") * (150 << 20); time.sleep(300)'


@pytest.fixture
async def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shell]:
    monkeypatch.setattr("tools.sandbox.shell.BOUNDS", SMALL)  # bounds, made small
    async with Sandbox(kinds=["bubblewrap"]) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no bubblewrap")
        made = Shell(lambda: None)
        await made.start(sandbox, tmp_path)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(made.finish())
            yield made
            made.stop()


async def ended(shell: Shell) -> Ending | None:
    async with asyncio.timeout(WAIT_S):
        while shell.ended_by is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    return shell.ended_by


@pytest.mark.parametrize(
    ("script", "ending"),
    [
        ("f() { f | f & }; f; f; f; f", Ending.TASKS),
        ("for i in $(seq 70); do sleep 300 & done", Ending.TASKS),
        (f"python -c '{HUNGRY}'", Ending.MEMORY),
        ("kill -9 -1; kill -9 1", None),
        ("kill -9 $$", Ending.EXITED),
    ],
)
async def test_a_bomb_ends_the_shell_with_all_of_it(
    shell: Shell, script: str, ending: Ending | None
) -> None:
    mark = f"300.{time.monotonic_ns()}"
    await shell.write(f"setsid sleep {mark} & disown\n".encode())
    await until_alive(mark)
    await shell.write(f"{script}\n".encode())
    if ending is None:
        with shell.viewed() as view:
            await shell.write(b"echo st''ill here\n")
            await shown(view, "still here\r\n")
        return
    assert await ended(shell) is ending
    async with asyncio.timeout(WAIT_S):
        while list(alive(mark)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("head -c 20000000 /dev/zero > big", "File size limit exceeded"),
        ("head -c 30000000 /dev/zero > /tmp/x; ls -l /tmp/x", "16777216"),
        ("git config core.pager evil", "Device or resource busy"),
        ("echo x > .git/hooks/post-commit", "Read-only file system"),
        ("python -c 'import socket; socket.create_connection((\"127.0.0.1\", 1))'", "refused"),
        ("unshare -U true", "unshare failed"),
        ("echo x > /dev/console; echo 'o'k", "ok\r\n"),
    ],
)
async def test_it_is_confined(shell: Shell, script: str, says: str) -> None:
    with shell.viewed() as view:
        await shell.write(f"{script}\n".encode())
        assert says in await shown(view, says)


async def test_endless_output_that_nobody_looks_at_costs_no_memory(shell: Shell) -> None:
    await shell.write(b"yes\n")
    async with asyncio.timeout(WAIT_S):
        while shell.position < 8 * MIB:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    assert len(shell.scrollback) == SCROLLBACK_BYTES
    await shell.write(b"\x03echo st''ill here\n")
    with shell.viewed() as view:
        await shown(view, "still here\r\n")


async def test_what_is_put_into_its_own_terminal_reaches_nobody_else(shell: Shell) -> None:
    script = (
        "import fcntl, termios; "
        "[fcntl.ioctl(0, termios.TIOCSTI, c.encode()) for c in 'echo my''self\\n']"
    )
    with shell.viewed() as view:
        await shell.write(f'python -c "{script}"; echo "do"ne\n'.encode())
        await shown(view, "done\r\n")
