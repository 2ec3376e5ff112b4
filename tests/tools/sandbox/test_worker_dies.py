"""A worker that is killed takes along what runs in its sandbox."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import alive, until_alive
from tools.sandbox.sandbox import KINDS, Sandbox

pytestmark = pytest.mark.timeout(90)

WORKER = """
import asyncio, sys
from pathlib import Path
from tools.sandbox.port import Confined
from tools.sandbox.sandbox import Sandbox

async def main(kind, folder, script):
    async with Sandbox(kinds=[kind]) as sandbox:
        await sandbox.run(Confined(("sh", "-c", script), Path(folder)))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_outlives_a_worker_that_is_killed(kind: str, tmp_path: Path) -> None:
    async with Sandbox(kinds=[kind]) as sandbox:
        if sandbox.kind is None:
            pytest.skip(f"this machine has no {kind}")
    inside = f"300.{time.monotonic_ns()}"
    script = f"trap '' TERM HUP INT; setsid sleep {inside} & sleep {inside}; wait"
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, kind, str(tmp_path), script
    )
    await until_alive(f"sleep\0{inside}")
    worker.kill()
    await worker.wait()
    async with asyncio.timeout(20):
        while list(alive(inside)):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.02)
