"""Polaris and the scripted model as processes of their own, so that the demo can kill them."""

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

READY_S = 60.0  # the first start bundles the Convex functions
STOP_S = 20.0


class StartFailed(Exception):
    """A process ended, or said nothing, before it was ready; the text has its last words."""


@dataclass
class Child:
    """A process of ours that prints one JSON line when it is ready; its log goes to a file."""

    process: asyncio.subprocess.Process
    ready: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    async def start(cls, command: list[str], *, environment: Mapping[str, str], log: Path) -> Self:
        """Start `python -m …` and wait for its ready line.

        Raises:
            StartFailed: it ended before, or took longer than `READY_S`.
        """
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *command,
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=sink,
            )
        child = cls(process)
        try:
            async with asyncio.timeout(READY_S):
                line = await process.stdout.readline() if process.stdout else b""
            child.ready = json.loads(line)
        except (TimeoutError, ValueError) as error:
            await child.kill()
            said = await asyncio.to_thread(log.read_text, errors="replace")
            raise StartFailed(f"`{' '.join(command)}` did not start:\n{said[-2000:]}") from error
        return child

    async def stop(self) -> None:
        """End it the polite way, and the other way when that takes too long."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await self.process.wait()
            except TimeoutError:
                await self.kill()

    async def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
