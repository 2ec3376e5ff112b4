"""Processes of this machine, found by what stands on their command line."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path


def alive(mark: str) -> Iterator[int]:
    """Processes of this machine with the mark on their command line."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if mark.encode() in (process / "cmdline").read_bytes():
                    yield int(process.name)
            except (FileNotFoundError, ProcessLookupError):
                continue


async def until_alive(mark: str) -> None:
    async with asyncio.timeout(20):
        while not list(alive(mark)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
