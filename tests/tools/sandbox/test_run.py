"""A command runs to its end or to its bounds; afterwards nothing of it lives."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.processes import alive, until_alive
from tools.sandbox.port import KEEPERS, MIB, Bounds, Confined
from tools.sandbox.running import Ending, Limits
from tools.sandbox.sandbox import Finished, Sandbox

pytestmark = pytest.mark.timeout(60)


async def run(
    sandbox: Sandbox,
    script: str,
    folder: Path,
    limits: Limits = Limits(timeout_s=30),  # noqa: B008 - frozen
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
) -> Finished:
    return await sandbox.run(Confined(("sh", "-c", script), folder, bounds=bounds), limits)


async def test_output_and_errors_come_in_order_with_the_exit_code(
    sandbox: Sandbox, folder: Path
) -> None:
    done = await run(sandbox, "echo one; echo two >&2; echo three; exit 7", folder)
    assert done.output == b"one\ntwo\nthree\n"
    assert done.receipt.ending is Ending.EXITED
    assert done.receipt.code == 7
    assert done.receipt.ended == ()
    assert done.receipt.trouble == ""


async def test_standard_input_is_closed(sandbox: Sandbox, folder: Path) -> None:
    done = await run(sandbox, "read -r answer; echo [$?]", folder)
    assert done.output == b"[1]\n"


@pytest.mark.parametrize("how", ["setsid", "nohup", "setsid -f"])
async def test_what_a_command_leaves_behind_dies_with_it(
    sandbox: Sandbox, folder: Path, how: str
) -> None:
    mark = f"300.{time.monotonic_ns()}"
    done = await run(sandbox, f"{how} sleep {mark} > /dev/null 2>&1 & sleep 0.3", folder)
    assert done.receipt.ending is Ending.EXITED
    assert done.receipt.ended == ("sleep",)
    assert list(alive(mark)) == []


async def test_a_daemon_that_holds_the_output_open_does_not_hold_the_command(
    sandbox: Sandbox, folder: Path
) -> None:
    done = await run(sandbox, "setsid sleep 300 & echo ready", folder)
    assert done.output == b"ready\n"
    assert done.receipt.took_s < 20


async def test_the_whole_tree_dies_at_the_time_out(sandbox: Sandbox, folder: Path) -> None:
    mark = f"300.{time.monotonic_ns()}"
    script = f"trap '' TERM INT HUP; setsid sleep {mark} & sh -c 'sleep {mark}'; echo never"
    done = await run(sandbox, script, folder, Limits(timeout_s=0.5))
    assert done.receipt.ending is Ending.TIMEOUT
    assert done.receipt.code is None
    assert "sleep" in done.receipt.ended
    assert b"never" not in done.output
    assert list(alive(mark)) == []


async def test_the_whole_tree_dies_at_a_cancel(sandbox: Sandbox, folder: Path) -> None:
    mark = f"300.{time.monotonic_ns()}"
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run(sandbox, f"setsid sleep {mark} & sleep {mark}", folder))
        await until_alive(mark)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert list(alive(mark)) == []


async def test_a_cancel_at_any_moment_of_the_start_leaves_nothing(
    sandbox: Sandbox, folder: Path
) -> None:
    mark = f"300.{time.monotonic_ns()}"
    for milliseconds in range(0, 30, 2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(milliseconds / 1000):
                await run(sandbox, f"sleep {mark}", folder)
    assert list(alive(mark)) == []


async def test_endless_output_is_ended(sandbox: Sandbox, folder: Path) -> None:
    done = await run(sandbox, "yes", folder, Limits(timeout_s=30, output_bytes=100_000))
    assert done.receipt.ending is Ending.OUTPUT
    assert len(done.output) == 100_000


async def test_memory_of_one_process_is_bounded(sandbox: Sandbox, folder: Path) -> None:
    bounds = Bounds(memory_bytes=200 * MIB)
    done = await run(sandbox, "python -c 'bytearray(2_000_000_000)'", folder, bounds=bounds)
    assert b"MemoryError" in done.output or done.receipt.ending is Ending.MEMORY


async def test_memory_of_all_together_is_bounded(sandbox: Sandbox, folder: Path) -> None:
    bounds = Bounds(memory_bytes=200 * MIB)
    hog = "python -c 'import time; x = bytearray(90_000_000); time.sleep(60)' &"
    done = await run(sandbox, f"{hog * 4} wait", folder, bounds=bounds)
    assert done.receipt.ending is Ending.MEMORY


async def test_a_fork_bomb_is_held_and_ended(sandbox: Sandbox, folder: Path) -> None:
    bounds = Bounds(tasks=100)
    bomb = "b() { b | b & }; b; sleep 60"
    done = await run(sandbox, bomb, folder, Limits(timeout_s=5), bounds=bounds)
    assert done.receipt.ending is Ending.TASKS or b"fork" in done.output
    assert done.receipt.usage.tasks <= bounds.tasks + KEEPERS
    assert done.receipt.took_s < 20


async def test_a_file_is_bounded(sandbox: Sandbox, folder: Path) -> None:
    bounds = Bounds(file_bytes=1 * MIB)
    done = await run(sandbox, "head -c 1000000000 /dev/zero > big", folder, bounds=bounds)
    assert done.receipt.code != 0
    assert (folder / "big").stat().st_size <= MIB


@pytest.mark.parametrize("where", ["/tmp", "/dev/shm"])  # noqa: S108 - inside
async def test_temporary_files_are_bounded(sandbox: Sandbox, folder: Path, where: str) -> None:
    bounds = Bounds(tmp_bytes=4 * MIB)
    done = await run(sandbox, f"head -c 9000000 /dev/zero > {where}/big", folder, bounds=bounds)
    assert b"No space left" in done.output or b"denied" in done.output
