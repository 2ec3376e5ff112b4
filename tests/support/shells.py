"""A person at a shell: types, and waits for what is shown."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tools.sandbox.sandbox import Sandbox
from tools.sandbox.shell import Shell, View

WAIT_S = 60.0


@asynccontextmanager
async def shell_in(sandbox: Sandbox, folder: Path) -> AsyncGenerator[Shell]:
    """A shell that runs while the block does."""
    shell = Shell(lambda: None)
    await shell.start(sandbox, folder)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(shell.finish())
        try:
            yield shell
        finally:
            shell.stop()


async def shown(view: View, words: str) -> str:
    """What is shown up to where the words are; all of it, where they never come and it ends."""
    text = ""
    try:
        async with asyncio.timeout(WAIT_S):
            async for piece in view.pieces():
                text += piece.decode(errors="replace")
                if words in text:
                    break
    except TimeoutError:
        raise AssertionError(f"{words!r} is not shown after {WAIT_S:g} s: {text!r}") from None
    return text
