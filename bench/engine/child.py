"""A process that is measured: told what to do in lines of JSON, and answering in them."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

ANSWER_S = 240.0  # the longest thing asked: 10,000 runs started
LINE_BYTES = 1 << 20


class Child:
    """The other end of the lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def line(self, within_s: float | None = ANSWER_S) -> bytes:
        """The next line that it prints.

        Raises:
            RuntimeError: it has ended.
        """
        if self._process.stdout is None:
            raise RuntimeError("the child has no output")
        async with asyncio.timeout(within_s):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the measured process has ended; see its error output above")
        return line

    async def ask(self, what: str, *args: object) -> Any:
        """Tell it to do something; its answer."""
        if self._process.stdin is None:
            raise RuntimeError("the child has no input")
        self._process.stdin.write(json.dumps([what, *args]).encode() + b"\n")
        return json.loads(await self.line())

    async def kill(self) -> None:
        """`kill -9`."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Let it end by closing its input."""
        if self._process.returncode is None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                async with asyncio.timeout(20):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()


@asynccontextmanager
async def child(module: str, *args: str) -> AsyncGenerator[Child]:
    """Start `python -m module` and stop it at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )
    started = Child(process)
    try:
        yield started
    finally:
        await started.stop()


def say_line(value: object) -> None:
    """Answer, from inside the child."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def next_order() -> list[Any] | None:
    """What the parent wants next; None when it wants no more."""
    line = await asyncio.to_thread(sys.stdin.readline)
    return json.loads(line) if line else None
