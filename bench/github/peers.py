"""Git itself at the same work: a shallow clone; add, commit and push."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from time import monotonic

from tests.support.github.repositories import ENV


async def clone(url: str, folder: Path) -> float:
    """`git clone --depth 1` into a folder that is not there; the seconds that it takes."""
    return await asyncio.to_thread(_timed, [["clone", "-q", "--depth", "1", url, str(folder)]])


async def push(files: Path, url: str, token: str) -> float:
    """`git init`, `add`, `commit` and `push` of a clone's files; the seconds that it takes."""
    await asyncio.to_thread(shutil.rmtree, files / ".git")
    place = ["-C", str(files)]
    header = f"http.extraHeader=Authorization: Bearer {token}"
    commands = [
        ["init", "-q", "-b", "main", str(files)],
        [*place, "add", "--all", "--force"],
        [*place, "commit", "-q", "-m", "All of it"],
        [*place, "-c", header, "push", "-q", url, "main"],
    ]
    return await asyncio.to_thread(_timed, commands)


def _timed(commands: list[list[str]]) -> float:
    started = monotonic()
    for command in commands:
        subprocess.run(["git", *command], check=True, env=ENV)  # noqa: S603, S607 - git as people run it
    return monotonic() - started
