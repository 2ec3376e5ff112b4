"""A person's shell: a terminal that programs know as one, bounded, and dead at its end."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.processes import alive, until_alive
from tests.support.shells import WAIT_S, shell_in, shown
from tools.sandbox.bubblewrap import Bubblewrap
from tools.sandbox.pty import NotTaken
from tools.sandbox.running import Ending
from tools.sandbox.sandbox import Sandbox
from tools.sandbox.shell import BEHIND_BYTES, PIECE_BYTES, SCROLLBACK_BYTES, Shell, ViewEnd

pytestmark = pytest.mark.timeout(120)

CTRL_C, CTRL_Z = b"\x03", b"\x1a"


@pytest.fixture
async def bubblewrap() -> AsyncIterator[Sandbox]:
    async with Sandbox(kinds=["bubblewrap"]) as opened:
        if opened.kind is None:
            pytest.skip("this machine has no bubblewrap")
        yield opened


@pytest.fixture
async def shell(bubblewrap: Sandbox, folder: Path) -> AsyncIterator[Shell]:
    async with shell_in(bubblewrap, folder) as opened:
        yield opened


@pytest.fixture
async def either(sandbox: Sandbox, folder: Path) -> AsyncIterator[Shell]:
    """A shell in each kind of sandbox."""
    async with shell_in(sandbox, folder) as opened:
        yield opened


async def test_programs_know_it_as_a_terminal_of_its_size(either: Shell) -> None:
    shell = either
    shell.resize(101, 37)
    with shell.viewed() as view:
        await shell.write(b"test -t 0 && test -t 1 && test -t 2 && stty size; echo $TERM-$CI-\n")
        assert "37 101\r\n" in await shown(view, "xterm-256color--\r\n")
        shell.resize(60, 20)
        await shell.write(b"stty size; echo 'o'k\n")
        assert "20 60\r\n" in await shown(view, "ok\r\n")


async def test_keys_interrupt_and_stop_programs(either: Shell) -> None:
    shell = either
    mark = f"300.{time.monotonic_ns()}"
    with shell.viewed() as view:
        await shown(view, "~ ")
        await shell.write(f"sleep {mark}\n".encode())
        await until_alive(mark)
        await shell.write(CTRL_C)
        await shell.write(b"echo code $?\n")
        await shown(view, "code 130\r\n")
        await shell.write(f"sleep {mark}\n".encode())
        await until_alive(mark)
        await shell.write(CTRL_Z)
        await shown(view, "Stopped")
        await shell.write(b"fg %1\n")
        await shown(view, f"sleep {mark}\r\n")


async def test_a_view_begins_with_what_was_shown_before_and_the_newest_one_counts(
    shell: Shell,
) -> None:
    await shell.write(b"echo on''ce\n")
    with shell.viewed() as first:
        await shown(first, "once\r\n")
        with shell.viewed() as second:
            assert first.end is ViewEnd.TAKEN_OVER
            assert await shown(first, "more") == ""
            assert "once\r\n" in await shown(second, "once\r\n")


async def test_the_end_is_told_with_its_code(either: Shell) -> None:
    shell = either
    with shell.viewed() as view:
        await shell.write(b"echo la''st; exit 7\n")
        assert "last\r\n" in await shown(view, "never")
        assert view.end is ViewEnd.EXITED
    assert shell.receipt is not None
    assert (shell.ended_by, shell.receipt.code) == (Ending.EXITED, 7)


async def test_the_newest_output_is_kept_while_nobody_looks(shell: Shell) -> None:
    await shell.write(b"seq 1 200000; echo do''ne\n")
    async with asyncio.timeout(WAIT_S):
        while b"done\r\n" not in shell.scrollback:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    assert len(shell.scrollback) == SCROLLBACK_BYTES
    assert shell.position > 1_000_000
    with shell.viewed() as view:
        assert "199999\r\n" in await shown(view, "done\r\n")


async def test_a_view_that_takes_nothing_holds_the_program(shell: Shell) -> None:
    with shell.viewed() as view:
        await shell.write(b"echo be''gun; yes\n")
        pieces = view.pieces()
        text = b""
        while b"begun" not in text:
            text += await anext(pieces)
        before = -1
        async with asyncio.timeout(WAIT_S):
            while before != shell.position or shell.position - view.position <= BEHIND_BYTES:
                before = shell.position
                await asyncio.sleep(0.5)
        assert shell.position - view.position <= SCROLLBACK_BYTES
        for _ in range(2 * SCROLLBACK_BYTES // PIECE_BYTES):  # nothing is missing
            piece = await anext(pieces)
            assert piece.replace(b"y\r\n", b"").strip(b"y\r\n") == b""
        assert shell.position > before
        await pieces.aclose()


async def test_input_that_nobody_reads_is_dropped_in_the_end(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.sandbox.pty.TAKES_S", 0.3)  # a bound of time, made small
    with shell.viewed() as view:
        await shell.write(b"stty raw -echo; echo r''aw; sleep 300\n")
        await shown(view, "raw")
        with pytest.raises(NotTaken):
            await shell.write(b"x" * 200_000)


@pytest.mark.parametrize("size", [(0, 24), (80, 0), (1_000_000_000, 24), (80, -1)])
async def test_a_size_that_no_terminal_has_is_refused(shell: Shell, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        shell.resize(*size)


async def test_what_it_has_started_dies_with_it(sandbox: Sandbox, folder: Path) -> None:
    mark = f"300.{time.monotonic_ns()}"
    async with shell_in(sandbox, folder) as shell:
        await shell.write(f"setsid sleep {mark} & disown; (sleep {mark} &)\n".encode())
        await until_alive(mark)
    assert list(alive(mark)) == []


async def test_it_sees_nothing_of_the_host(
    sandbox: Sandbox, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLARIS_SECRET", "s3cret")
    (tmp_path / "beside.txt").write_text("s3cret")
    async with shell_in(sandbox, folder) as shell:
        with shell.viewed() as view:
            await shell.write(
                f"{{ env; cat {tmp_path}/beside.txt; }} 2>&1 | grep s3''cret\n".encode()
            )
            await shell.write(b"id -u; echo 'o'k\n")
            text = await shown(view, "ok\r\n")
    assert "s3cret" not in text
    if sandbox.kind == Bubblewrap.name:
        assert "\r1000\r\n" in text


async def test_programs_open_their_own_terminal_and_no_other(
    sandbox: Sandbox, folder: Path
) -> None:
    async with shell_in(sandbox, folder) as other, shell_in(sandbox, folder) as shell:
        known = list(await asyncio.to_thread(Path("/dev/pts").glob, "[0-9]*"))
        with shell.viewed() as view:
            await shown(view, "~ ")
            await shell.write(b"stty size < /dev/tty; echo he''re > /dev/tty\n")
            await shown(view, "here\r\n")
            await shell.write(
                b"for t in /dev/pts/[0-9]* TTYS; do echo st''olen > $t; done; echo 'o'k\n".replace(
                    b"TTYS", b" ".join(sorted(str(it).encode() for it in known))
                )
            )
            await shown(view, "ok\r\n")
    assert b"stolen" not in other.scrollback
